"""Fused operators of onnxruntime's own domain as operators of ONNX: used by the benchmark `optimizer`.

`expand` is applied to every file that is compared, whoever wrote it. An activation that a
convolution or a matrix product applies to its result becomes a node of its own, as in ONNX;
what ONNX has as one operator, such as Gelu, stays one node. An operator of another domain that
has no expansion here is an error, so nothing is compared that hides work inside.
"""

import numpy as np
import onnx.version_converter
from onnx import helper, numpy_helper

ONNX = ("", "ai.onnx")

# What the expansions write: Clip with operands for bounds; Gelu.
CLIP_SINCE = 11
GELU_SINCE = 20


class Expansion:
    """Collects the nodes that take the place of a graph's nodes."""

    def __init__(self, graph):
        self.graph = graph
        self.nodes = []
        self.names = 0

    def name(self):
        self.names += 1
        return f"expanded_{self.names}"

    def constant(self, value):
        name = self.name()
        self.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
        return name

    def add(self, op, inputs, output=None, **attributes):
        """Appends a node and gives the name of its result."""
        output = output or self.name()
        self.nodes.append(helper.make_node(op, inputs, [output], name=self.name(), **attributes))
        return output

    def activate(self, x, output, kind, parameters):
        """The activation that FusedConv and FusedGemm name in an attribute."""
        if kind == "Clip":
            self.add("Clip", [x, *map(self.constant, parameters)], output)
        elif kind in ("LeakyRelu", "HardSigmoid"):
            self.add(kind, [x], output, **dict(zip(("alpha", "beta"), parameters)))
        elif kind in ("Relu", "Sigmoid", "Tanh"):
            self.add(kind, [x], output)
        else:
            raise NotImplementedError(f"no expansion of the activation {kind}")


def fused_conv(e, node, attributes):
    """act(Conv(x, w, b) + z)"""
    kind = attributes.pop("activation", b"").decode()
    parameters = attributes.pop("activation_params", [])
    x, w, b, z = (*node.input, "", "")[:4]
    output = node.output[0]
    y = e.add("Conv", [x, w, b] if b else [x, w], None if z or kind else output, **attributes)
    if z:
        y = e.add("Add", [y, z], None if kind else output)
    if kind:
        e.activate(y, output, kind, parameters)


def fused_gemm(e, node, attributes):
    """act(Gemm(a, b, c))"""
    kind = attributes.pop("activation").decode()
    names = ("activation_alpha", "activation_beta", "activation_gamma")
    parameters = [attributes.pop(n) for n in names if n in attributes]
    e.activate(e.add("Gemm", node.input, **attributes), node.output[0], kind, parameters)


def fused_matmul(e, node, attributes):
    """alpha * MatMul(a, b)"""
    if any(v for name, v in attributes.items() if name.startswith("trans")):
        raise NotImplementedError("no expansion of FusedMatMul with transposed operands")
    e.add("Mul", [e.add("MatMul", node.input), e.constant(attributes["alpha"])], node.output[0])


def fast_gelu(e, node, _):
    """Gelu(x + b), by tanh"""
    x = node.input[0] if len(node.input) == 1 else e.add("Add", node.input)
    e.add("Gelu", [x], node.output[0], approximate="tanh")


EXPANSIONS = {
    "com.microsoft.FusedConv": (fused_conv, CLIP_SINCE),
    "com.microsoft.FusedGemm": (fused_gemm, 1),
    "com.microsoft.FusedMatMul": (fused_matmul, 1),
    "com.microsoft.FastGelu": (fast_gelu, GELU_SINCE),
}


def expand(model):
    """The same model in operators of ONNX alone; raises NotImplementedError where there is no way."""
    private = [f"{n.domain}.{n.op_type}" for n in model.graph.node if n.domain not in ONNX]
    missing = sorted(set(private) - EXPANSIONS.keys())
    if missing:
        raise NotImplementedError(f"no expansion of {', '.join(missing)}")
    opset = next(o.version for o in model.opset_import if o.domain in ONNX)
    since = max((EXPANSIONS[p][1] for p in private), default=1)
    if opset < since:
        model = onnx.version_converter.convert_version(model, since)
    e = Expansion(model.graph)
    for node in model.graph.node:
        if node.domain in ONNX:
            e.nodes.append(node)
        else:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            EXPANSIONS[f"{node.domain}.{node.op_type}"][0](e, node, attributes)
    expanded = onnx.ModelProto()
    expanded.CopyFrom(model)
    expanded.graph.ClearField("node")
    expanded.graph.node.extend(e.nodes)
    expanded.ClearField("opset_import")
    expanded.opset_import.append(helper.make_opsetid("", max(opset, since)))
    return expanded


def count(model):
    """How often each operator stands in a model; constants are not counted."""
    operators = {}
    for node in model.graph.node:
        if node.op_type != "Constant":
            operators[node.op_type] = operators.get(node.op_type, 0) + 1
    return operators
