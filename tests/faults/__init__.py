"""What the world and the machine do to it, and that it survives. How much of each is `amounts.much`."""
