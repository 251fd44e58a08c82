"""Composes training pictures on the device: mosaic, zoom, turns, pasted defects, light and noise.

Every composed picture is a stack of layers. A layer is a picture of the set, an affine map from its
pixels to the composed picture's, and the rectangle of it that shows; later layers cover earlier
ones. All random choices and all boxes are made on the CPU (small tensors, one generator, so a run
repeats on any device and nothing waits for the GPU); only pixels are touched on the device.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from apps.defect_detection.training.drawing import draw
from apps.defect_detection.training.pictures import PADDING, Pictures
from apps.defect_detection.training.recipe import Recipe

# The eight flips and quarter turns as 2 × 2 matrices; the first two are what `turns=False` uses.
TURNS = torch.tensor(
    [
        [[1, 0], [0, 1]], [[-1, 0], [0, 1]], [[1, 0], [0, -1]], [[-1, 0], [0, -1]],
        [[0, 1], [1, 0]], [[0, -1], [1, 0]], [[0, 1], [-1, 0]], [[0, -1], [-1, 0]],
    ],
    dtype=torch.float32,
)  # fmt: skip
# A box stays when it is wider and higher than 2 pixels, keeps a tenth of its area and is no sliver.
LEAST_SIDE, LEAST_SHARE, MOST_ASPECT = 2.0, 0.1, 100.0
COVERED = 0.5  # a box that a pasted defect covers by more than this goes
PASTES = 6  # at most, per picture


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`images` [B, 3, S, S] in 0 … 1; then a row per box: picture, class, and xywh in 0 … 1."""

    images: torch.Tensor
    batch_idx: torch.Tensor
    cls: torch.Tensor
    bboxes: torch.Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layer:
    """`linear` [B, 2, 2] · source pixel + `offset` [B, 2] = composed; `shows` [B, 4] of it."""

    source: torch.Tensor
    linear: torch.Tensor
    offset: torch.Tensor
    shows: torch.Tensor


class Composer:
    """Makes batches from `pictures` by `recipe`; `generator` is a CPU generator."""

    def __init__(
        self, pictures: Pictures, recipe: Recipe, device: torch.device, generator: torch.Generator
    ) -> None:
        self.pictures, self.recipe, self.device = pictures, recipe, device
        self.generator = generator
        self.with_boxes = (pictures.classes >= 0).any(1).nonzero().flatten()
        self.counts = (pictures.classes >= 0).sum(1)

    def batch(self, chosen: torch.Tensor, plain: bool) -> Batch:
        """Compose one picture around each of `chosen` [B]; `plain`: no mosaic, nothing pasted."""
        tiles, pastes = self._tiles(chosen, plain), self._pasted(chosen, plain)
        labels = self._labels(tiles, pastes)
        return Batch(images=self.finish(self._drawn([*tiles, *pastes])), **labels)

    def choose(self, chosen: torch.Tensor, plain: bool) -> list[_Layer]:
        """The layers of one batch, later ones on top."""
        return [*self._tiles(chosen, plain), *self._pasted(chosen, plain)]

    def _pasted(self, chosen: torch.Tensor, plain: bool) -> list[_Layer]:
        return [] if plain or not len(self.with_boxes) else self._pastes(len(chosen))

    def _rand(self, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=self.generator)

    def _turns(self, count: int) -> torch.Tensor:
        kinds = len(TURNS) if self.recipe.turns else 2
        return TURNS[torch.randint(kinds, (count,), generator=self.generator)]

    def _tiles(self, chosen: torch.Tensor, plain: bool) -> list[_Layer]:
        """Four pictures around a point, or one in the middle; then zoom and shift of the whole."""
        count, size, recipe = len(chosen), float(self.pictures.size), self.recipe
        mosaic = self._rand(count, 1) < (0.0 if plain else recipe.mosaic)
        around = (0.5 + self._rand(count, 2)) * size
        zoom = 1 + (2 * self._rand(count) - 1) * recipe.scale
        middle = size / 2 + (2 * self._rand(count, 2) - 1) * recipe.translate * size
        layers = []
        for corner in range(4):
            if corner == 0:
                source = chosen
            elif plain:
                break
            else:
                source = torch.randint(len(self.pictures), (count,), generator=self.generator)
            turn = self._turns(count)
            sides = self.pictures.sides[source]
            turned = (turn.abs() @ sides[..., None])[..., 0]
            # What touches the point: right bottom, left bottom, right top or left top.
            before = torch.tensor([corner % 2 == 0, corner < 2])
            start = around - turned * before
            alone = size - turned / 2
            start = torch.where(mosaic, start, alone)
            shows = torch.cat((torch.zeros(count, 2), sides), 1)
            if corner:
                shows = shows * mosaic
            linear = zoom[:, None, None] * turn
            # The tile's middle, on the canvas (whose own is at `size`) and then composed.
            centre = (start + turned / 2 - size) * zoom[:, None] + middle
            offset = centre - (linear @ (sides / 2)[..., None])[..., 0]
            layers.append(_Layer(source=source, linear=linear, offset=offset, shows=shows))
        return layers

    def _pastes(self, count: int) -> list[_Layer]:
        """Defects of other pictures, each with a margin, turned, somewhere in the picture."""
        recipe, size = self.recipe, self.pictures.size
        if recipe.paste <= 0:
            return []
        numbers = torch.poisson(torch.full((count,), float(recipe.paste)), generator=self.generator)
        layers = []
        for turn_of in range(int(numbers.max().clamp(max=PASTES))):
            pick = torch.randint(len(self.with_boxes), (count,), generator=self.generator)
            source = self.with_boxes[pick]
            which = (self._rand(count) * self.counts[source]).long()
            box = self.pictures.boxes[source, which]
            sides = self.pictures.sides[source]
            margin = recipe.paste_margin * (box[:, 2:] - box[:, :2])
            low = (box[:, :2] - margin).clamp(min=0)
            high = torch.minimum(box[:, 2:] + margin, sides)
            linear = self._turns(count) * (1 + (2 * self._rand(count) - 1) * 0.25)[:, None, None]
            target = self._rand(count, 2) * size
            offset = target - (linear @ ((low + high) / 2)[..., None])[..., 0]
            shows = torch.cat((low, high), 1) * (numbers > turn_of)[:, None]
            layers.append(_Layer(source=source, linear=linear, offset=offset, shows=shows))
        return layers

    def _labels(self, tiles: list[_Layer], pastes: list[_Layer]) -> dict[str, torch.Tensor]:
        """Boxes of all layers in composed pictures, those that are hidden or cut away left out."""
        size = float(self.pictures.size)
        kept: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        for number, layer in enumerate([*tiles, *pastes]):
            if number >= len(tiles):
                cover = _map(layer.shows[:, None], layer).clamp(0, size)[:, 0]
                kept = [_uncovered(each, cover) for each in kept]
            boxes, there = self._placed(layer)
            kept.append(
                (there.nonzero()[:, 0], self.pictures.classes[layer.source][there], boxes[there])
            )
        index = torch.cat([each[0] for each in kept])
        order = index.argsort(stable=True)
        box = torch.cat([each[2] for each in kept])[order] / size
        xywh = torch.cat(((box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]), 1)
        return {
            "batch_idx": index[order].float().to(self.device, non_blocking=True),
            "cls": torch.cat([each[1] for each in kept])[order][:, None].to(
                self.device, non_blocking=True
            ),
            "bboxes": xywh.to(self.device, non_blocking=True),
        }

    def _placed(self, layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
        """A layer's boxes [B, M, 4] in composed pixels, and which of them count [B, M]."""
        boxes = self.pictures.boxes[layer.source]
        low, high = layer.shows[:, None, :2], layer.shows[:, None, 2:]
        # A box belongs to a layer when its middle shows.
        middle = (boxes[..., :2] + boxes[..., 2:]) / 2
        there = ((middle >= low) & (middle <= high) & (high > low)).all(-1)
        there &= self.pictures.classes[layer.source] >= 0
        shown = torch.cat(
            (torch.maximum(boxes[..., :2], low), torch.minimum(boxes[..., 2:], high)), -1
        )
        placed = _map(shown, layer)
        clipped = placed.clamp(0, float(self.pictures.size))
        side = clipped[..., 2:] - clipped[..., :2]
        aspect = side.amax(-1) / side.amin(-1).clamp(min=1e-6)
        there &= (side > LEAST_SIDE).all(-1) & (aspect < MOST_ASPECT)
        there &= _area(clipped) > LEAST_SHARE * _area(placed)
        return clipped, there

    def _drawn(self, layers: list[_Layer]) -> torch.Tensor:
        """The layers over grey: [B, C, S, S] fp32 in 0 … 255."""
        if self.device.type == "cpu":
            return draw(self.pictures, layers).float()
        return self.sampled(layers)

    def finish(self, drawn: torch.Tensor) -> torch.Tensor:
        """Change light and sharpness of what is drawn; [B, 3, S, S] in 0 … 1."""
        images = self._light(drawn / 255)
        return images if images.shape[1] == 3 else images.expand(-1, 3, -1, -1)

    def sampled(self, layers: list[_Layer]) -> torch.Tensor:
        """The layers over grey, sampled on the device: [B, C, S, S] fp32 in 0 … 255."""
        size, count = self.pictures.size, len(layers[0].source)
        channels = self.pictures.pixels.shape[1]
        canvas = torch.full((count, channels, size, size), float(PADDING), device=self.device)
        for layer in layers:
            back = torch.linalg.inv(layer.linear)
            # Both sides in affine_grid's coordinates, -1 … 1 over the square.
            shift = back.sum(-1) - (2 / size) * (back @ layer.offset[..., None])[..., 0] - 1
            theta = torch.cat((back, shift[..., None]), -1).to(self.device, non_blocking=True)
            shows = (layer.shows * (2 / size) - 1).to(self.device, non_blocking=True)
            grid = functional.affine_grid(theta, [count, channels, size, size], align_corners=False)
            pixels = self.pictures.gather(layer.source, self.device).float()
            drawn = functional.grid_sample(
                pixels, grid, mode="bilinear", padding_mode="border", align_corners=False
            )
            inside = ((grid >= shows[:, None, None, :2]) & (grid < shows[:, None, None, 2:])).all(
                -1
            )
            canvas = torch.where(inside[:, None], drawn, canvas)
        return canvas

    def _light(self, images: torch.Tensor) -> torch.Tensor:
        recipe, count = self.recipe, len(images)

        def spread(amount: float) -> torch.Tensor:
            drawn = (2 * self._rand(count) - 1) * amount
            return drawn.to(self.device, non_blocking=True)[:, None, None, None]

        def chance(of: float) -> torch.Tensor:
            return (self._rand(count) < of).to(self.device)[:, None, None, None]

        if recipe.thickness > 0:
            grown = functional.max_pool2d(images, 3, 1, 1)
            thinned = -functional.max_pool2d(-images, 3, 1, 1)
            share = spread(1.0)
            changed = images + share.clamp(min=0) * (grown - images)
            changed = changed + (-share).clamp(min=0) * (thinned - images)
            images = torch.where(chance(recipe.thickness), changed, images)
        if images.shape[1] == 3:
            change = _colour if images.device.type != "cpu" else _colour_by_matrix
            images = change(images, spread(recipe.hue), spread(recipe.saturation))
        images = images * (1 + spread(recipe.brightness))
        if recipe.contrast > 0:
            mean = images.mean((1, 2, 3), keepdim=True)
            images = mean + (images - mean) * (1 + spread(recipe.contrast))
        if recipe.blur > 0:
            soft = functional.avg_pool2d(
                functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1
            )
            images = torch.where(chance(recipe.blur), soft, images)
        if recipe.noise > 0:
            seed = int(torch.randint(2**31, (1,), generator=self.generator))
            on_device = torch.Generator(self.device).manual_seed(seed)
            drawn = torch.randn(images.shape, device=self.device, generator=on_device)
            images = images + drawn * spread(recipe.noise).abs()
        return images.clamp(0, 1)


def _map(boxes: torch.Tensor, layer: _Layer) -> torch.Tensor:
    """Boxes [B, M, 4] of a layer in composed pixels; exact, for turns keep boxes upright."""
    corners = boxes.unflatten(-1, (2, 2))
    placed = torch.einsum("bij,bmcj->bmci", layer.linear, corners) + layer.offset[:, None, None]
    return torch.cat((placed.amin(2), placed.amax(2)), -1)


def _area(boxes: torch.Tensor) -> torch.Tensor:
    side = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return side[..., 0] * side[..., 1]


def _uncovered(
    boxes: tuple[torch.Tensor, torch.Tensor, torch.Tensor], cover: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    at, classes, box = boxes
    over = cover[at]
    shared = torch.cat(
        (torch.maximum(box[:, :2], over[:, :2]), torch.minimum(box[:, 2:], over[:, 2:])), 1
    )
    stays = _area(shared) <= COVERED * _area(box)
    return at[stays], classes[stays], box[stays]


def _colour_by_matrix(
    images: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor
) -> torch.Tensor:
    """As `_colour`, which is linear in the pixel: its matrix first, then one product. A CPU would
    go through its memory a dozen times otherwise."""
    units = torch.eye(3)[None, :, :, None].expand(len(images), -1, -1, -1)
    matrices = _colour(units, hue, saturation)[..., 0]  # a column a unit pixel
    return torch.bmm(matrices, images.flatten(2)).view_as(images)


def _colour(images: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """Turn the hue by `hue` circles and scale the saturation by 1 + `saturation`, in YIQ."""
    red, green, blue = images.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    in_phase = 0.596 * red - 0.274 * green - 0.322 * blue
    quadrature = 0.211 * red - 0.523 * green + 0.312 * blue
    angle, gain = 2 * torch.pi * hue[:, 0], 1 + saturation[:, 0]
    cosine, sine = angle.cos() * gain, angle.sin() * gain
    turned_i = in_phase * cosine - quadrature * sine
    turned_q = in_phase * sine + quadrature * cosine
    return torch.stack(
        (
            luma + 0.956 * turned_i + 0.621 * turned_q,
            luma - 0.272 * turned_i - 0.647 * turned_q,
            luma - 1.106 * turned_i + 1.703 * turned_q,
        ),
        1,
    )
