"""Stages B and C: the writing learns from findings, then with the image's features."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import FindingSet
from apps.report_gen.grammar.clinical import some_text
from apps.report_gen.grammar.slots import Section, slots_of
from apps.report_gen.grammar.writing import Sentence, write
from apps.report_gen.inference.network import windowed
from apps.report_gen.inference.report_network import ReportNetwork, SlotRows, slot_rows
from apps.report_gen.inference.shape import Shape
from apps.report_gen.inference.tokens import (
    LANGUAGE,
    PAD,
    SECTION,
    STOP,
    sentence_tokens,
)
from apps.report_gen.training.beginning import begin_with
from apps.report_gen.training.losses import losses
from apps.report_gen.training.made_up import some_findings_set
from apps.report_gen.training.pool import Pool
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.stage_image import filled, grid_of, trained_image
from apps.report_gen.training.state import Average, Clock, Progress, keep, kept, rate_at, say

FILE, JOINT_FILE = "text.pt", "joint.pt"


def report_tokens(sentences: list[Sentence], language: str) -> list[int]:
    """A report as the decoder writes it."""
    made = [LANGUAGE[language]]
    for section in Section:
        made.append(SECTION[section.value])
        for each in sentences:
            if each.slot.section is section:
                made += sentence_tokens(each.text)
    return [*made, STOP]


def padded(rows: list[list[int]], device: str) -> Tensor:
    """int64 [B, L] with `PAD` behind."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows], device=device)


class Reports(NamedTuple):
    """A batch of what is to be written: findings, clinical texts [B, T], reports [B, L]."""

    rows: SlotRows
    texts: Tensor
    tokens: Tensor


def reports_on(
    network: ReportNetwork, studies: list[FindingSet], draw: np.random.Generator
) -> Reports:
    """Reports on `studies`, with languages, wordings and texts drawn at random."""
    shape: Shape = network.shape
    texts, reports = [], []
    for study in studies:
        language = ("en", "zh")[int(draw.integers(2))]
        # A text may come in the other language than the report.
        text_language = language if draw.random() < 0.9 else ("en", "zh")[int(draw.integers(2))]
        clinical = some_text(draw, text_language)
        sentences = write(slots_of(study), language, clinical.asked, draw)
        texts.append(network.text_tokens(clinical.text))
        reports.append(report_tokens(sentences, language)[: shape.positions])
    return Reports(slot_rows(studies), padded(texts, "cpu"), padded(reports, "cpu"))


def loss_of(
    network: ReportNetwork, reports: Reports, device: str, features: Tensor | None = None
) -> Tensor:
    """Cross-entropy of each token of the reports."""
    texts, tokens = reports.texts.to(device), reports.tokens.to(device)
    # In fp32 (TF32 on a GPU): the fused normalisation takes one dtype, and this part is small.
    logits = network(reports.rows.to(device), texts, tokens[:, :-1], features)
    return F.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PAD)


def writing_loss(
    network: ReportNetwork, studies: list[FindingSet], draw: np.random.Generator, device: str,
    features: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """`loss_of` reports drawn now."""
    return loss_of(network, reports_on(network, studies, draw), device, features)


def drawn_ahead(
    network: ReportNetwork, count: int, draw: np.random.Generator
) -> Generator[Reports]:
    """Batches of `count` reports on findings that are made up, each drawn by another thread while
    the one before is learned from."""

    def some() -> Reports:
        return reports_on(network, [some_findings_set(draw) for _ in range(count)], draw)

    with ThreadPoolExecutor(1, "reports") as thread:
        ahead = thread.submit(some)
        while True:
            made = ahead.result()
            ahead = thread.submit(some)
            yield made


def train_text(recipe: Recipe, work: Path, device: str, start_from: Path | None = None) -> Progress:
    """Go on with stage B until it or this call is over."""
    torch.manual_seed(recipe.seed + 1)
    network = ReportNetwork(recipe.shape).to(device)
    begin_with(network, start_from, recipe, "report")
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.text_rate, weight_decay=0.01)
    average, progress = Average(network, recipe.average), Progress()
    before = kept(work / FILE, device)
    if before is not None:
        network.load_state_dict(before["network"])
        optimizer.load_state_dict(before["optimizer"])
        average.weights, average.steps = before["average"], before["average_steps"]
        progress = Progress(**before["progress"])
    clock = Clock(progress.seconds, recipe.call_seconds)
    draw = np.random.default_rng([recipe.seed, 2, progress.steps])
    batches = drawn_ahead(network, recipe.text_batch, draw)
    network.train()
    last = -1e9
    while not progress.done and not clock.call_over():
        share = (
            progress.steps / recipe.text_steps
            if recipe.text_steps is not None
            else clock.stage() / recipe.text_seconds
        )
        if share >= 1:
            progress.done = True
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(share, recipe.text_rate)
        loss = loss_of(network, next(batches), device)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(network)
        progress.steps += 1
        progress.samples += recipe.text_batch
        clock.learns()
        if clock.here() - last >= recipe.say_every:
            last = clock.here()
            say("B", step=progress.steps, samples=progress.samples, seconds=clock.stage(),
                loss=float(loss.detach()))  # fmt: skip
    batches.close()
    progress.seconds = clock.stage()
    keep(
        work / FILE, network=network.state_dict(), optimizer=optimizer.state_dict(),
        average=average.weights, average_steps=average.steps, progress=vars(progress),
    )  # fmt: skip
    say("B", steps=progress.steps, seconds=progress.seconds, done=progress.done)
    return progress


def trained_text(recipe: Recipe, work: Path, device: str) -> ReportNetwork | None:
    """The averaged network of stage B, or that of stage C."""
    for name in (JOINT_FILE, FILE):
        before = kept(work / name, device)
        if before is not None:
            network = ReportNetwork(recipe.shape).to(device)
            network.load_state_dict(before["average" if name == FILE else "report"])
            return network.eval()
    return None


def train_joint(recipe: Recipe, work: Path, device: str) -> Progress:
    """Stage C in one call: both networks, from the averages of A and B, or the writing alone.

    The finding heads go on reading the image alone; the writing sees what they gathered.
    """
    image, report = trained_image(recipe, work, device), trained_text(recipe, work, device)
    if image is None or report is None:
        raise SystemExit(
            "Stage C goes on from stages A and B; run them first with the same folder."
        )
    image.body.saving = recipe.checkpointing
    if device == "cuda":
        image = image.to(memory_format=torch.channels_last_3d)
    held = recipe.image_held
    parameters = [*([] if held else image.parameters()), *report.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.joint_rate, weight_decay=recipe.decay)
    averages = Average(image, recipe.average), Average(report, recipe.average)
    clock, progress = Clock(0.0, recipe.call_seconds), Progress()
    pool = Pool(grid_of(recipe, device), recipe.pool, recipe.seed * 1_000_003 + 500_000)
    follower = filled(recipe, pool, work)
    draw = np.random.default_rng([recipe.seed, 3])
    image.train(not held)
    report.train()
    last = -1e9
    while progress.steps < recipe.joint_steps and not clock.call_over():
        for group in optimizer.param_groups:
            group["lr"] = rate_at(progress.steps / recipe.joint_steps, recipe.joint_rate)
        batch = pool.draw(recipe.batch, draw, recipe.shift)
        volume = windowed(batch.hu.float())
        with (
            torch.autocast(device, torch.bfloat16, enabled=device == "cuda"),
            torch.set_grad_enabled(not held),
        ):
            if device == "cuda":
                volume = volume.to(torch.bfloat16).to(memory_format=torch.channels_last_3d)
            seen = image(volume)
            found = losses(image, volume, seen, batch).total()
        studies = [each.truth for each in batch.examples]
        said = writing_loss(report, studies, draw, device, seen.features)
        (found + 0.3 * said).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not held:
            averages[0].update(image)
        averages[1].update(report)
        progress.steps += 1
        progress.samples += len(studies)
        if clock.here() - last >= recipe.say_every:
            last = clock.here()
            say("C", step=progress.steps, seconds=clock.here(), found=float(found.detach()),
                said=float(said.detach()), phantoms=pool.made)  # fmt: skip
        if follower is None and (
            pool.seconds < recipe.making * clock.here() or recipe.text_steps is not None
        ):
            pool.add()
    if follower is not None:
        follower.close()
    progress.seconds, progress.done = clock.here(), True
    keep(
        work / JOINT_FILE, image=averages[0].weights, report=averages[1].weights,
        progress=vars(progress),
    )  # fmt: skip
    say("C", steps=progress.steps, seconds=progress.seconds, done=True)
    return progress
