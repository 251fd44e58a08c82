"""Stage A: the image network learns findings from phantoms."""

import math
import statistics
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.inference.network import ImageNetwork, Seen, windowed
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.training.beginning import begin_with
from apps.report_gen.training.following import Follower
from apps.report_gen.training.inserting import with_nodules
from apps.report_gen.training.losses import Losses, losses
from apps.report_gen.training.pool import Batch, Pool
from apps.report_gen.training.producers import Pace, start, training_tasks
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.sending import sent
from apps.report_gen.training.settling import settled
from apps.report_gen.training.shelf import names
from apps.report_gen.training.state import Average, Clock, Progress, keep, kept, rate_at, say
from apps.report_gen.training.targets import Example
from apps.report_gen.training.turning import with_poses

FILE, SHELF = "image.pt", "phantoms"
MOST_TASKS = 20_000
VERDICT_RATE = 10.0
THICK = 0.12
"""Share of volumes that are seen in thicker slices."""
FAR, STEPS_KNOWN = 30.0, 50
"""A gradient so many times the median of that many before it belongs to no step."""


def grid_of(recipe: Recipe, device: str) -> Grid:
    """Where phantoms are drawn: on the network's own grid."""
    return Grid(shape=recipe.shape.grid, spacing=recipe.shape.spacing, device=device)


def blanked(batch: Batch, draw: np.random.Generator, share: float) -> Batch:
    """Some volumes replaced by an even level with noise, their answers by none of anything."""
    for number in range(len(batch.hu)):
        if draw.random() >= share:
            continue
        level, spread = float(draw.uniform(-1024, 150)), float(draw.choice([0.0, 5.0, 30.0]))
        noise = torch.randn(batch.hu.shape[1:], device=batch.hu.device) * spread + level
        batch.hu[number] = noise.to(batch.hu.dtype)
        for part in (batch.regions, batch.lobes, batch.states, batch.sides):
            part[number] = 0
        batch.centres[number] = ()
    return batch


def thicker(hu: Tensor, share: float) -> Tensor:
    """HU [D, H, W] as of `share` of the slices, each as thick as they lie apart, and resampled."""
    size = hu.shape
    few = F.interpolate(hu[None, None], (max(2, round(share * size[0])), *size[1:]), mode="area")
    made: Tensor = F.interpolate(few, tuple(size), mode="trilinear")[0, 0]
    return made


def varied(hu: Tensor, draw: np.random.Generator) -> Tensor:
    """fp32 HU [B, D, H, W] with another noise, kernel, level and gain for each volume, and some of
    thicker slices: a phantom is seen many times, and a scan changes nothing of what is there."""
    made = hu.float()
    count = len(hu)

    def each(values: np.ndarray) -> Tensor:
        return sent(values, hu.device).view(-1, 1, 1, 1)

    noise = each(draw.choice([0.0, 4.0, 10.0, 20.0, 40.0], count, p=[0.2, 0.2, 0.25, 0.25, 0.1]))
    thick = [(n, float(draw.uniform(0.35, 0.7))) for n in range(count) if draw.random() < THICK]
    for number, part in thick:
        # Noise comes with each slice that is taken, and is not averaged away.
        noise[number] = noise[number] / part**0.5
    made = made + torch.randn_like(made) * noise
    kernel = np.where(draw.random(count) < 0.75, draw.uniform(-0.16, 0.25, count), 0.0)
    slices = np.where(draw.random(count) < 0.3, draw.uniform(0.0, 0.28, count), 0.0)
    for axis, share in ((1, each(slices)), (2, each(kernel)), (3, each(kernel))):
        made = made + share * (made.roll(1, axis) + made.roll(-1, axis) - 2 * made)
    for number, part in thick:
        made[number] = thicker(made[number], part)
    gain, level = each(draw.normal(1.0, 0.01, count)), each(draw.normal(0.0, 5.0, count))
    return (made + 1000) * gain - 1000 + level


def forward(
    network: ImageNetwork, seeing: Callable[[Tensor], Seen], batch: Batch,
    draw: np.random.Generator, device: str,
) -> Losses:  # fmt: skip
    """The losses of a batch, in bf16 where there is a GPU; `seeing` is `network`, or its compiled
    form."""
    volume = windowed(varied(batch.hu, draw))
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        if device == "cuda":
            volume = volume.to(torch.bfloat16).to(memory_format=torch.channels_last_3d)
        seen = seeing(volume)
        return losses(network, volume, seen, batch)


def usable(norm: float, before: deque[float]) -> bool:
    """Whether a step with such a gradient is taken; one that is far beyond the others is not."""
    if not math.isfinite(norm):
        return False
    if len(before) == before.maxlen and norm > FAR * statistics.median(before):
        return False
    before.append(norm)
    return True


def filled(recipe: Recipe, pool: Pool, work: Path) -> Follower | None:
    """Fill the pool's beginning: here, or by producers, which go on until the call is over."""
    if not recipe.producers:
        for _ in range(recipe.pool_start):
            pool.add()
        return None
    shelf = work / SHELF
    there = names(shelf)
    first = max([pool.next_seed, *(int(name) + 1 for name in there)])
    pace = Pace(
        until=time.time() + recipe.call_seconds,
        quick=max(0, recipe.pool // 2 - len(there)),
        pause=recipe.renewed_every,
    )
    tasks = training_tasks(first, MOST_TASKS)
    follower = Follower(pool, shelf, start(shelf, tasks, pool.grid, recipe.producers, pace))
    follower.wait_for(recipe.pool_start)
    return follower


def optimizer_of(network: ImageNetwork, recipe: Recipe, device: str) -> torch.optim.AdamW:
    """AdamW; what weighs a finding's evidence may move further, as it begins next to nothing."""
    quick = [network.weighed_evidence, network.verdict_bias]
    rest = [each for each in network.parameters() if all(each is not one for one in quick)]
    groups: list[dict[str, Any]] = [
        {"params": rest, "times": 1.0},
        {"params": quick, "times": VERDICT_RATE, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.rate, weight_decay=recipe.decay, fused=device == "cuda"
    )


def train_image(
    recipe: Recipe, work: Path, device: str, start_from: Path | None = None
) -> Progress:
    """Go on with stage A until it or this call is over; everything is kept in `work`."""
    torch.manual_seed(recipe.seed)
    network = ImageNetwork(recipe.shape).to(device)
    begin_with(network, start_from, recipe, "image")
    if device == "cuda":
        network = network.to(memory_format=torch.channels_last_3d)
    network.body.saving = recipe.checkpointing
    optimizer = optimizer_of(network, recipe, device)
    average, progress = (
        Average(network, recipe.average),
        Progress(next_seed=recipe.seed * 1_000_003, seconds=recipe.image_before),
    )
    before = kept(work / FILE, device)
    if before is not None:
        network.load_state_dict(before["network"])
        optimizer.load_state_dict(before["optimizer"])
        average.weights, average.steps = before["average"], before["average_steps"]
        progress = Progress(**before["progress"])
    if progress.done:
        say("A", done=True, steps=progress.steps)
        return progress
    clock = Clock(progress.seconds, recipe.call_seconds)
    pool = Pool(grid_of(recipe, device), recipe.pool, progress.next_seed)
    # A call of no seconds takes over what it begins with, and needs no phantoms for that.
    follower = filled(recipe, pool, work) if recipe.call_seconds > 0 else None
    if device == "cuda":
        torch.cuda.synchronize()
    say(
        "A",
        pool=pool.made,
        seconds=clock.here(),
        parameters=sum(p.numel() for p in network.parameters()),
    )
    draw = np.random.default_rng([recipe.seed, progress.steps])
    torch.manual_seed(recipe.seed + progress.steps)
    network.train()
    last, norms = -1e9, deque[float](maxlen=STEPS_KNOWN)
    seeing = torch.compile(network) if recipe.compiled else network
    while not clock.call_over():
        share = (
            progress.steps / recipe.image_steps
            if recipe.image_steps is not None
            else clock.stage() / recipe.image_seconds
        )
        if share >= 1:
            progress.done = True
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, recipe.rate) * group["times"]
        for _ in range(recipe.accumulate):
            batch = pool.draw(recipe.batch, draw, recipe.shift)
            batch = with_poses(batch, draw, recipe.shape.spacing, recipe.posed)
            batch = with_nodules(batch, draw, recipe.shape.spacing, recipe.inserted)
            batch = blanked(batch, draw, recipe.blank)
            parts = forward(network, seeing, batch, draw, device)
            (parts.total() / recipe.accumulate).backward()
            progress.samples += len(batch.hu)
        norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0))
        if usable(norm, norms):
            optimizer.step()
            average.update(network)
        else:
            progress.skipped += 1
        optimizer.zero_grad(set_to_none=True)
        progress.steps += 1
        clock.learns()
        if recipe.image_steps is not None:
            pool.add()
        elif follower is None:
            while pool.seconds < recipe.making * clock.here():
                pool.add()
        if clock.here() - last >= recipe.say_every:
            last = clock.here()
            _report(progress, clock, pool, parts, norm, optimizer.param_groups[0]["lr"])
    if follower is not None:
        follower.close()
    settle(network, average, pool.spare, recipe, device)
    progress.seconds, progress.next_seed = clock.stage(), pool.next_seed
    keep(
        work / FILE, network=network.state_dict(), optimizer=optimizer.state_dict(),
        average=average.weights, average_steps=average.steps, progress=vars(progress),
    )  # fmt: skip
    say(
        "A",
        steps=progress.steps,
        samples=progress.samples,
        seconds=progress.seconds,
        done=progress.done,
    )
    return progress


def settle(
    network: ImageNetwork, average: Average, spare: list[Example], recipe: Recipe, device: str
) -> None:
    """Fit the verdicts of the averaged network to phantoms that were not drawn from; what is
    trained on goes on from them."""
    judged = ImageNetwork(recipe.shape).to(device)
    judged.load_state_dict(average.weights)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    began = time.perf_counter()
    done = settled(judged, spare, dtype)
    say("A", settled=done, phantoms=len(spare), seconds=time.perf_counter() - began)
    if not done:
        return
    for name in ("weighed_evidence", "verdict_bias"):
        value = judged.state_dict()[name]
        average.weights[name].copy_(value)
        network.state_dict()[name].copy_(value)


def _report(
    progress: Progress, clock: Clock, pool: Pool, parts: Losses, norm: float, rate: float
) -> None:
    memory = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    say(
        "A", step=progress.steps, skipped=progress.skipped, samples=progress.samples,
        seconds=clock.stage(), per_second=progress.samples / max(clock.stage(), 1e-3),
        phantoms=pool.made, making=pool.seconds, gib=memory, lr=rate, norm=norm,
        **{name: float(value.detach()) for name, value in parts._asdict().items()},
    )  # fmt: skip


def trained_image(recipe: Recipe, work: Path, device: str) -> ImageNetwork | None:
    """The averaged network of stage A, or of stage C where that was done."""
    for name in ("joint.pt", FILE):
        before = kept(work / name, device)
        if before is not None:
            network = ImageNetwork(recipe.shape).to(device)
            network.load_state_dict(before["average" if name == FILE else "image"])
            return network.eval()
    return None
