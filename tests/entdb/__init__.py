"""What only EntDB's driver has to show: the fake server, conflicts, lost answers, kills, the SDK's private parts."""
