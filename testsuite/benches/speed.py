"""Times compiled networks and onnxruntime in turns: called by the benchmark `speed`.

Arguments: for each network its name, model.onnx, io.npz and a shared library with
`double go(const void *x, void *y, int n)`, which runs it n times and returns the seconds of each.
Prints a row for each: microseconds of both, their ratio, and the largest difference of the outputs
relative to their range.
"""

import ctypes
import statistics
import sys
import time

import numpy as np
import onnxruntime as ort

TURNS = 30
SECONDS_A_TURN = 0.02


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def network(name, model, data, library):
    s = session(model)
    port = s.get_inputs()[0]
    arrays = np.load(data)
    first = next(arrays[k] for k in arrays.files if k.startswith("input/"))[0]
    shape = [d if isinstance(d, int) else 1 for d in port.shape]
    x = np.ascontiguousarray(first, dtype=np.float32).reshape(shape)
    want = s.run(None, {port.name: x})[0]
    have = np.zeros(want.shape, dtype=np.float32)

    # Bound buffers: no copies or conversions are counted against onnxruntime.
    bound = s.io_binding()
    bound.bind_cpu_input(port.name, x)
    out = ort.OrtValue.ortvalue_from_numpy(np.zeros_like(want))
    bound.bind_ortvalue_output(s.get_outputs()[0].name, out)

    go = ctypes.CDLL(library).go
    go.restype = ctypes.c_double
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, have)]

    def reference(n):
        start = time.thread_time()
        for _ in range(n):
            s.run_with_iobinding(bound)
        return (time.thread_time() - start) / n

    count = max(1, int(SECONDS_A_TURN / max(reference(20), 1e-6)))
    times = [(reference(count), go(*pointers, count)) for _ in range(TURNS)]
    theirs, ours = (min(t[i] for t in times) for i in (0, 1))
    typical = statistics.median(t[1] / t[0] for t in times)
    difference = float(np.abs(have - want).max() / max(np.abs(want).max(), 1e-30))
    print(
        f"{name:28} {theirs * 1e6:14.1f} {ours * 1e6:11.1f} {ours / theirs:9.2f} {typical:9.2f} {difference:10.1e}",
        flush=True,
    )


def main():
    print(f"onnxruntime {ort.__version__}, one thread; fastest and median of {TURNS} turns")
    print(f"{'network':28} {'onnxruntime us':>14} {'tinyc us':>11} {'ratio':>9} {'median':>9} {'rel.diff':>10}")
    for i in range(1, len(sys.argv), 4):
        network(*sys.argv[i : i + 4])


main()
