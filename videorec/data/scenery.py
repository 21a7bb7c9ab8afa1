"""What the built-in videos are drawn from: cluttered backgrounds and textured shapes."""

import cv2
import numpy as np

SPRITE = 64  # side of the drawn shape in pixels, before it is scaled into the frame
RIM = 1.15  # half the sprite's side, in radii of the shape: a transparent rim for interpolation


def clutter(rng: np.random.Generator, height: int, width: int, hue: float) -> np.ndarray:
    """A background `(H, W, 3)` uint8: noise at many scales (1/f, as in photographs) and random patches."""
    image = noise(rng, height, width, channels=1) + 0.4 * noise(rng, height, width, channels=3)
    image = rng.uniform(40, 95) + rng.uniform(10, 22) * image
    for _ in range(rng.integers(2, 6)):
        mask = np.zeros((height, width), np.uint8)
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = [int(min(height, width) * rng.uniform(0.05, 0.2)) for _ in range(2)]
        outline = cv2.ellipse2Poly(centre, axes, int(rng.integers(180)), 0, 360, int(rng.choice([15, 90, 120])))
        cv2.fillConvexPoly(mask, outline, 1)
        colour = rgb(hue + rng.uniform(40, 140), rng.uniform(20, 110), rng.uniform(30, 140))  # not the shape's
        image = np.where(mask[..., None] > 0, 0.7 * colour + 0.3 * image, image)
    return np.clip(image, 0, 255).astype(np.uint8)


def noise(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """1/f noise `(H, W, channels)`, mean 0, standard deviation 1: each octave half as strong as the coarser one."""
    total = np.zeros((height, width, channels), np.float32)
    for octave in range(1, 6):
        grid = rng.standard_normal((2**octave, 2**octave, channels), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).reshape(total.shape) / 2**octave
    return (total - total.mean()) / total.std()


def shape(rng: np.random.Generator, hue: float) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc, polygon or star: colour `(S, S, 3)` float32 in 0..255 and opacity `(S, S, 1)` in 0..1."""
    corners = int(rng.choice([3, 4, 5, 6, 48]))  # 48: a disc
    star = corners in (4, 5, 6) and rng.random() < 0.4
    angles = rng.uniform(0, 2 * np.pi) + np.arange(corners * (1 + star)) * 2 * np.pi / (corners * (1 + star))
    reach = np.where(np.arange(len(angles)) % 2, 0.55, 1.0) if star else np.ones(len(angles))
    outline = SPRITE / 2 + SPRITE / 2 / RIM * reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    alpha = np.zeros((SPRITE, SPRITE), np.float32)
    cv2.fillPoly(alpha, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)  # 4 bits after the point
    v, u = np.mgrid[:SPRITE, :SPRITE] / SPRITE
    turn, waves = rng.uniform(0, np.pi), rng.uniform(1.5, 3.5)
    along, across = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    stripes = np.sin(2 * np.pi * waves * along)
    textures = stripes, stripes * np.sin(2 * np.pi * waves * across), noise(rng, SPRITE, SPRITE, 1)[..., 0]
    mix = 1 / (1 + np.exp(-4 * textures[rng.integers(3)][..., None]))
    light = rgb(hue, rng.uniform(90, 190), rng.uniform(235, 255))
    dark = rgb(hue + rng.uniform(-20, 20), rng.uniform(90, 190), rng.uniform(180, 225))
    return (mix * light + (1 - mix) * dark).astype(np.float32), alpha[..., None]


def rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """`(3,)` float32 in 0..255; hue in 0..180 (any number, it wraps), saturation and value in 0..255."""
    pixel = np.array([[[hue % 180, saturation, value]]]).astype(np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def paste(frame: np.ndarray, sprite: np.ndarray, alpha: np.ndarray, centre, radius: float) -> None:
    """Draw the shape into a frame `(H, W, 3)` uint8 at a centre (x, y) with a radius, in pixels and not rounded."""
    scale = 2 * radius * RIM / SPRITE
    side = int(np.ceil(scale * SPRITE)) + 2
    corner = [int(np.floor(c - side / 2)) for c in centre]  # of the box that is drawn; it may stick out of the frame
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = [c - k - scale * (SPRITE - 1) / 2 for c, k in zip(centre, corner, strict=True)]
    # Blurred as much as the shape shrinks, else its texture flickers from frame to frame.
    layer = cv2.GaussianBlur(np.concatenate([sprite * alpha, alpha], axis=2), (0, 0), max(0.4 / scale, 0.3))
    layer = cv2.warpAffine(layer, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=0)
    left, top = (max(k, 0) for k in corner)
    box = frame[top : max(corner[1] + side, 0), left : max(corner[0] + side, 0)]
    layer = layer[top - corner[1] :, left - corner[0] :][: box.shape[0], : box.shape[1]]
    box[:] = np.clip(layer[..., :3] + (1 - layer[..., 3:]) * box + 0.5, 0, 255)
