"""How to look: loops that know no kind of input and no paper."""
