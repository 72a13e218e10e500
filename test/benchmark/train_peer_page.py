"""The page that the benchmark of the trainers writes."""

from __future__ import annotations

import os

PEER, PEER_AMP, OURS = 'peer', 'peer with --amp', 'ours'

PAGE = """# Benchmark of the training

Written by `make benchmark-training`: our trainer against that of milesial/Pytorch-UNet, revision
{revision}, on the same network, frames and machine: {minutes:g} min of training each, on the CPU,
one after the other, each in a process of its own. Every figure is from this one run.

{about}
- Load average at the end: {load}
- Network: U-Net with 64 channels, depth 4, batch norm, transposed convolutions; {parameters}
  parameters, in both the same shapes (checked)

{reading}

So it is after {minutes:g} min from random weights, each trainer with its own settings, once. It
does not say where either ends when it trains longer, nor which setting makes the difference.

## Speed

{speed}

In the order in which they ran. The clock starts with the training loop, when frames and libraries
are loaded, and ends with the last step that began within the time. Evaluations belong to the
training: the peer makes five in an epoch, ours one in a pass. *Steady* leaves them out, and the
first step, in which loaders and kernels start. *Cores* is what the training's process got of
them, its loaders' processes left out.

## Scores after equal time

{scores}

All by the same code on the same frames, in float32, with the weights at the end of the time: the
peer's as they are, ours averaged, as our trainer keeps them; not those of its best pass.

## What was run

- Peer: its `train_model` as `train.py --scale 1 --classes 4` calls it, and with `--amp`, which is
  bfloat16 on a CPU. Set: these, and epochs without end, for the clock ends it. All else is as it
  comes: batch size, learning rate, RMSprop, loss, data loader, a tenth of the frames kept for its
  evaluations. For the scores its own preprocessing makes its input. It says of itself:
  {peer_settings}.
- Stand-ins for what it imports and need not be installed: wandb, whose `log` is our clock and
  ends the training (the time that wandb would take is spared it); torchvision, which it never
  uses, as empty modules.
- Ours: `unet-seg train --max-minutes` with the peer's network and these frames, and passes without
  end. All else is the default, augmentation among it, and the learning rate that falls to zero
  within the time: {our_settings}.
"""


def write(outcomes, minutes, revision, about):
    """Return the page; `about` describes the machine, in lines of markdown."""
    ours = outcomes[OURS]
    return PAGE.format(
        revision=revision,
        minutes=minutes,
        about='\n'.join(about),
        load=', '.join(f'{x:.2f}' for x in os.getloadavg()),
        parameters=ours.num_parameters,
        reading='\n\n'.join(
            compare(ours, o, name) for name, o in outcomes.items() if o is not ours
        ),
        speed='\n'.join(speed(outcomes)),
        scores='\n'.join(scores(outcomes)),
        peer_settings=told(outcomes[PEER].settings),
        our_settings=told(ours.settings),
    )


def compare(ours, theirs, name):
    rate = ours.clock.images_per_s() / theirs.clock.images_per_s()
    steady = ours.clock.steady_images_per_s() / theirs.clock.steady_images_per_s()
    return (
        f'Ours against the {name}: {rate:.1f} times the images per second ({steady:.1f} times '
        f'when steady); after equal time mIoU {ours.mean_iou:.3f} against {theirs.mean_iou:.3f}, '
        f'{ours.mean_iou / theirs.mean_iou:.2f} times.'
    )


def speed(outcomes):
    columns = ('trainer', 'steps', 'images', 's', 'evaluating s', 'images/s', 'steady', 'cores')
    rows = []
    for name, outcome in outcomes.items():
        c = outcome.clock
        figures = (c.elapsed_s, c.evaluation_s, c.images_per_s(), c.steady_images_per_s())
        figures = (f'{x:.2f}' for x in (*figures, c.cpu_s / c.elapsed_s))
        rows.append((name, len(c.images), sum(c.images), *figures))
    return table(columns, rows)


def scores(outcomes):
    rows = [
        (name, *(f'{x:.3f}' for x in (*o.iou.values(), o.mean_iou)))
        for name, o in outcomes.items()
    ]
    return table(('trainer', *(f'IoU {n}' for n in outcomes[OURS].iou), 'mIoU'), rows)


def told(settings):
    return ', '.join(f'{key} {value}' for key, value in settings.items())


def table(columns, rows):
    lines = [columns, ['---'] * len(columns), *rows]
    return ['| ' + ' | '.join(str(cell) for cell in line) + ' |' for line in lines]
