"""A sticker's whole story: photographs in, a sticker learned, tried on others, printed and told of."""
