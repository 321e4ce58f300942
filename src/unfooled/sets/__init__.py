"""What the attacker may change: the only place where the kind of input lives inside an attack."""
