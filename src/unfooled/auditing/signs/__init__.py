"""A road sign's whole story: tape learned for it, looked at from everywhere, printed and told of."""
