"""Changes of the input that are to wash a perturbation out: all broken by attackers who know of them."""
