"""What a training run is made of; the defaults are for an H100 in calls of 500 seconds."""

from dataclasses import dataclass, field

from apps.report_gen.inference.shape import TOY, Shape


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Stages end after their seconds, or steps where those are given (then runs repeat exactly).

    Attributes:
        call_seconds: one call of the script works so long, then keeps its state.
        image_seconds, text_seconds, joint_steps: of stages A, B and C over all calls.
        batch, accumulate: volumes a forward pass, and passes a step.
        pool: phantoms kept; `pool_start` are made first; making more takes at most `making` of
            the time.
        producers: processes that make phantoms beside the training, on its device; 0: it makes them
            itself, and runs repeat exactly. From half of the pool on they make one every
            `renewed_every` seconds.
        shift: voxels that a volume is moved by, at most.
        blank: share of volumes without anything in them, so that nothing is found in nothing.
        posed: share of volumes that are turned and scaled a little as they are drawn.
        inserted: share of volumes into which new nodules are put as they are drawn.
        image_before: seconds of stage A that the model which it begins with has had.
        image_held: stage C leaves the image network as it is, and its verdicts as fitted.
        compiled: the image network runs through torch.compile.
        checkpointing: activations are computed again instead of kept.
        validation, test, shifted: held-out phantoms.
    """

    shape: Shape = field(default_factory=Shape)
    seed: int = 7
    call_seconds: float = 420.0
    image_seconds: float = 820.0
    text_seconds: float = 230.0
    image_steps: int | None = None
    image_before: float = 0.0
    image_held: bool = False
    text_steps: int | None = None
    joint_steps: int = 300
    batch: int = 8
    accumulate: int = 1
    rate: float = 1.2e-3
    joint_rate: float = 1e-4
    decay: float = 0.02
    average: float = 0.998
    pool: int = 1500
    pool_start: int = 128
    making: float = 0.35
    producers: int = 0
    renewed_every: float = 0.4
    shift: int = 12
    blank: float = 0.02
    posed: float = 0.5
    inserted: float = 0.75
    compiled: bool = False
    checkpointing: bool = False
    text_batch: int = 96
    text_rate: float = 6e-4
    validation: int = 240
    test: int = 320
    shifted: int = 96
    reports: int = 200
    say_every: float = 10.0


TOY_RECIPE = Recipe(
    shape=TOY, image_steps=3, text_steps=3, joint_steps=2, batch=2, accumulate=2, pool=4,
    pool_start=3, shift=4, text_batch=4, validation=3, test=3, shifted=1, reports=2, say_every=0.0,
)  # fmt: skip
"""Every part of a run in seconds on a CPU."""
