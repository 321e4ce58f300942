"""How a flat thing that was made once, a sticker or a sign, meets a camera: its place, its light, the lens."""
