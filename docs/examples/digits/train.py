"""Trains the digits classifier and writes all data files of this example.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python train.py

The data are the 1,797 scanned digits of 8x8 pixels, 0..16, that ship inside scikit-learn (UCI "Optical
Recognition of Handwritten Digits"). Seeds, order and one thread are fixed: another run gives the same
model up to the float arithmetic of the machine and the library versions.

Writes
  digits.onnx     the network, BatchNormalization kept as a node
  calib.npz       `image` [n,1,8,8]: samples of the training split, for calibration
  eval.npz        `image` and `labels`: the held-out split
  io.npz          `input/image` [n,1,1,8,8] and `output/logits`: what onnxruntime computes for some of it
  digits_eval.h   the held-out split as C arrays, with the accuracy that onnxruntime reaches on it
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxscript.optimizer
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
EPOCHS, BATCH = 60, 64
CALIBRATION, REFERENCE = 200, 16


def convolution(inputs, outputs, size, **more):
    return [nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False, **more), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    """Depthwise-separable convolution with a shortcut around it."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            *convolution(channels, channels, 3, groups=channels), nn.ReLU(), *convolution(channels, channels, 1)
        )

    def forward(self, x):
        return torch.relu(x + self.body(x))


def network():
    return nn.Sequential(
        *convolution(1, 12, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(12),
        *convolution(12, 24, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 2 * 2, 10),
    )


def train(model, x, y):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            # Up to one pixel off in either direction, so that the exact place in the frame does not matter.
            dy, dx = torch.randint(-1, 2, (2,)).tolist()
            loss_of(model(shifted(x[batch], dy, dx)), y[batch]).backward()
            optimizer.step()
            schedule.step()
    model.eval()


def shifted(x, dy, dx):
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    return padded[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]


def c_header(pixels, labels, correct):
    """The held-out digits as C arrays: a firmware engineer's test data, and no Python needed to use them."""

    def rows(values, per_line):
        lines = [values[i : i + per_line] for i in range(0, len(values), per_line)]
        return "\n".join("    " + ",".join(map(str, line)) + "," for line in lines)

    return f"""/* Digits that the network was not trained on. Written by train.py from the data in scikit-learn. */
#ifndef DIGITS_EVAL_H
#define DIGITS_EVAL_H
#include <stdint.h>

#define DIGITS_EVAL_COUNT {len(labels)}
/* So many of them the network gets right in onnxruntime. */
#define DIGITS_EVAL_CORRECT {correct}

static const uint8_t digits_eval_labels[DIGITS_EVAL_COUNT] = {{
{rows(labels.tolist(), 40)}
}};

/* 8x8 pixels a digit, row by row, 0 (paper) to 16 (ink). */
static const uint8_t digits_eval_pixels[DIGITS_EVAL_COUNT * 64] = {{
{rows(pixels.astype(int).reshape(-1).tolist(), 64)}
}};
#endif
"""


def exported(model, sample):
    """ONNX with BatchNormalization kept: `optimize` would fold it into the convolutions, the compiler's work here."""
    program = torch.onnx.export(
        model, (sample,), input_names=["image"], output_names=["logits"], opset_version=18, optimize=False, verbose=False
    )
    onnxscript.optimizer.fold_constants(program.model)
    onnxscript.optimizer.remove_unused_nodes(program.model)
    proto = program.model_proto
    # The exporter notes where each node stood in Python, with paths of the machine that trained it.
    graph = proto.graph
    for part in [proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info]:
        del part.metadata_props[:]
    onnx.checker.check_model(proto, full_check=True)
    return proto


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    digits = load_digits()
    images = digits.images.astype(np.float32)[:, None] / 16  # [n, 1, 8, 8] in 0..1
    labels = digits.target.astype(np.int32)
    train_x, eval_x, train_y, eval_y = train_test_split(
        images, labels, test_size=360, random_state=0, stratify=labels
    )

    model = network()
    train(model, torch.from_numpy(train_x), torch.from_numpy(train_y).long())

    path = HERE / "digits.onnx"
    onnx.save(exported(model, torch.from_numpy(eval_x[:1])), path)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = np.stack([session.run(None, {"image": x[None]})[0] for x in eval_x])
    correct = int((logits.reshape(-1, 10).argmax(1) == eval_y).sum())

    np.savez_compressed(HERE / "calib.npz", image=train_x[:CALIBRATION])
    np.savez_compressed(HERE / "eval.npz", image=eval_x, labels=eval_y)
    np.savez_compressed(
        HERE / "io.npz", **{"input/image": eval_x[:REFERENCE, None], "output/logits": logits[:REFERENCE]}
    )
    (HERE / "digits_eval.h").write_text(c_header(eval_x[:, 0] * 16, eval_y, correct))

    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters} parameters, held out: {correct} of {len(eval_y)} right ({correct / len(eval_y):.2%})")


if __name__ == "__main__":
    main()
