"""Live sessions: who listens, what they are owed, and how a slow one catches up."""
