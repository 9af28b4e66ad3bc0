"""What tests of several folders share: waiting, clocks, ports, real servers."""
