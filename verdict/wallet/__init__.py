"""What the commands for money and messages share: a user's session with L1 and L2, and how it is told."""
