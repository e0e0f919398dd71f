"""One pass of training: `python -m training.learn PAIRS.npz START.npz TARGET.npz`, in an environment that has torch.

Two processes of one thread each learn from their own half of every pair of batches, and take the mean of their
parameters every few steps: on two cores that is faster than one process with two threads.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional

from training.network import ReaderNetwork

PROCESSES = 2
BATCH = 8
TOGETHER = 20  # steps between two means of the parameters
WARM_UP = 0.04  # of all steps
HEADS_FASTER = 5.0
SPAN_WEIGHT = 0.5
PADDING = 32  # to multiples of this: each other length costs a compilation
SAVED_EVERY = 300.0  # seconds
SORTED_TOGETHER = 64  # batches whose pairs are sorted by length


@dataclass(frozen=True)
class Pairs:
    """Pairs as arrays: tokens one after another, where each pair begins, where its passage begins, whether it answers,
    and the first and last token of the answer: 0 for no answer, -1 where nobody said."""

    tokens: NDArray[np.int32]
    begins: NDArray[np.int64]
    passages: NDArray[np.int32]
    answers: NDArray[np.float32]
    spans: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> Pairs:
        with np.load(path) as held:
            return cls(**{name: held[name] for name in cls.__annotations__})

    def batches(self, *, rank: int, seed: int) -> list[NDArray[np.int64]]:
        """Return the batches of one process: of much the same length as those of the others at the same step."""
        chance = np.random.default_rng(seed)
        order = chance.permutation(len(self.answers))
        lengths = np.diff(self.begins)
        step = BATCH * PROCESSES
        steps: list[NDArray[np.int64]] = []
        for at in range(0, len(order), step * SORTED_TOGETHER):
            part = order[at : at + step * SORTED_TOGETHER]
            part = part[np.argsort(lengths[part], kind="stable")]
            steps += [part[i : i + step] for i in range(0, len(part) - step + 1, step)]
        return [steps[i][rank::PROCESSES] for i in chance.permutation(len(steps))]

    def batch(self, numbers: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        lengths = np.diff(self.begins)[numbers]
        width = math.ceil(int(lengths.max()) / PADDING) * PADDING
        ids, types = np.zeros((2, len(numbers), width), np.int64)
        for row, (number, length) in enumerate(zip(numbers, lengths, strict=True)):
            begin = self.begins[number]
            ids[row, :length] = self.tokens[begin : begin + length]
            types[row, self.passages[number] : length] = 1
        mask = np.arange(width)[None] < lengths[:, None]
        arrays = ids, types, mask, self.answers[numbers], self.spans[numbers]
        return tuple(map(torch.from_numpy, arrays))  # type: ignore[return-value]


def loss_of(answers: Tensor, span: Tensor, wanted: Tensor, places: Tensor) -> Tensor:
    judged = functional.binary_cross_entropy_with_logits(answers, wanted)
    if not bool((places >= 0).any()):
        return judged
    found = [functional.cross_entropy(span[..., end], places[:, end], ignore_index=-1) for end in (0, 1)]
    return judged + SPAN_WEIGHT * (found[0] + found[1]) / 2


def rate(progress: float) -> float:
    """Return the share of the highest rate at this part of the pass: up in a straight line, then down to nothing."""
    return min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP))


def optimiser_of(model: nn.Module, peak: float) -> torch.optim.AdamW:
    body: list[Tensor] = []
    heads: list[Tensor] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (body if name.startswith(("embeddings.", "encoder.")) else heads).append(parameter)
    groups = [{"params": body, "lr": peak}, {"params": heads, "lr": peak * HEADS_FASTER}]
    for group in groups:
        group["peak"] = group["lr"]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.01, fused=True)


def take_mean(model: nn.Module, progress: float) -> float:
    """Give every process the mean of all processes' parameters. Return the mean of their progress, so that all of them
    end at the same step."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    flat = torch.cat([nn.utils.parameters_to_vector(trained).detach(), torch.tensor([progress])])
    distributed.all_reduce(flat)
    flat /= PROCESSES
    nn.utils.vector_to_parameters(flat[:-1], trained)
    return float(flat[-1])


def save(model: nn.Module, target: Path) -> None:
    """Write all at once, so that a run that is cut short leaves the last whole file."""
    half = target.with_suffix(".half.npz")
    np.savez(half, **{name: value.detach().numpy() for name, value in model.state_dict().items()})
    half.replace(target)


def started(start: Path) -> ReaderNetwork:
    """Return the network with these weights; the layers that aren't among them begin by chance, the same in each
    process."""
    torch.manual_seed(0)
    model = ReaderNetwork()
    with np.load(start) as held:
        model.load_state_dict({name: torch.from_numpy(held[name]) for name in held.files}, strict=False)
    return model


def learn(rank: int, meeting: str, options: argparse.Namespace) -> None:
    """Do one process's part of the pass."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=PROCESSES)
    pairs = Pairs.load(options.pairs)
    model = started(options.start).train()
    torch.manual_seed(options.seed * PROCESSES + rank)
    optimiser = optimiser_of(model, options.peak)
    batches = pairs.batches(rank=rank, seed=options.seed)
    began = saved = time.monotonic()
    smooth = progress = 0.0
    for step, numbers in enumerate(batches, start=1):
        loss = take_step(model, pairs.batch(numbers), optimiser, share=rate(max(progress, 1 / len(batches))))
        smooth += (loss - smooth) / min(step, 100)
        if step % TOGETHER and step < len(batches):
            continue
        progress = max(step / len(batches), (time.monotonic() - began) / (60 * options.minutes))
        progress = min(1.0, take_mean(model, progress))
        if rank == 0:
            print(f"{step}/{len(batches)} {progress:.1%} loss {smooth:.3f} {time.strftime('%H:%M:%S')}", flush=True)
        if rank == 0 and (progress == 1.0 or time.monotonic() - saved > SAVED_EVERY):
            save(model, options.target)
            saved = time.monotonic()
        if progress == 1.0:
            break
    distributed.destroy_process_group()


def take_step(model: nn.Module, batch: tuple[Tensor, ...], optimiser: torch.optim.AdamW, *, share: float) -> float:
    """Learn from one batch at this share of the highest rate, and return the loss."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
    ids, types, mask, wanted, places = batch
    with torch.autocast("cpu", torch.bfloat16):
        answers, span = model(ids, types, mask)
    loss = loss_of(answers.float(), span.float(), wanted, places)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pairs", "start", "target"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--peak", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="after which the pass ends, with its rate at 0")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(learn, (f"{folder}/meeting", options), nprocs=PROCESSES)


if __name__ == "__main__":
    main()
