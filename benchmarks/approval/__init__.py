"""What becomes of a tool that asks first, when processes are killed, readers click twice, and time runs out."""
