"""The decoder as an ONNX graph for onnxruntime: one graph for prompts, events and beams.

It runs N new tokens over a cache of P earlier ones. `bias` says who sees whom. Beams are tokens of
one sequence: all at the same position, none seeing its siblings, so that 20 beams share the
prompt's keys and values uncopied.

onnxruntime's fused operators are used where they are faster. Its attention is not: in WebAssembly a
recommendation took 20 ms with GroupQueryAttention and 11 ms with products and a softmax (the
instruments model; MultiHeadAttention took as long as those, but wants a key for every query head).

Inputs:  tokens [1, N], positions [1, N]; bias [1, 1, N, P + N], added to the attention scores;
         rows [R], whose logits are wanted; past_key.I, past_value.I [1, G, P, E]
Outputs: logits [R, vocabulary]; key.I, value.I [1, G, P + N, E]
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import Layer, Linear, Weights

OPSET, IR_VERSION = 21, 10
FUSED = "com.microsoft"  # the domain of onnxruntime's own operators
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """Collects nodes and constants; what adds one returns the names of its outputs."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(
        self, operator: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes
    ) -> None:
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes) -> str:
        """Of one output."""
        name = f"t{len(self.nodes)}"
        self.node(operator, list(inputs), [name], domain, **attributes)
        return name

    def times(self, x: str, matrix: np.ndarray) -> str:
        """x [.., in] by matrix [out, in]."""
        return self.add("MatMul", x, self.constant(matrix.T))

    def split(self, x: str, sizes: list[int]) -> list[str]:
        names = [f"t{len(self.nodes)}.{part}" for part in range(len(sizes))]
        self.node("Split", [x, self.constant(np.array(sizes))], names, axis=-1)
        return names

    def reshape(self, x: str, *shape: int) -> str:
        """-1 is what is left."""
        return self.add("Reshape", x, self.constant(np.array(shape)))

    def linears(self, x: str, layers: list[Linear]) -> list[str]:
        """Several layers of one input; the first product of each is part of one."""
        matrices = [factors(layer) for layer in layers]
        inner = self.times(x, np.concatenate([first for first, *_ in matrices]))
        sizes = [len(first) for first, *_ in matrices]
        parts = self.split(inner, sizes) if len(layers) > 1 else [inner]
        return [
            self.times(part, second[0]) if second else part
            for part, (_, *second) in zip(parts, matrices, strict=True)
        ]


def factors(layer: Linear) -> list[np.ndarray]:
    """The layer as one product or two, whatever multiplies less.

    A pivoted layer's left factor holds its identity: to put the outputs in order takes longer.
    """
    if layer.right is None:
        return [layer.left]
    rank, width = layer.right.shape
    left = layer.full_left
    fewer = rank * (width + len(left)) < width * len(left)
    return [layer.right, left] if fewer else [layer.whole]


class Decoder:
    def __init__(self, weights: Weights) -> None:
        self.weights, self.config, self.graph = weights, weights.config, Graph()
        steps = np.arange(0, self.config.head_dim, 2, dtype=np.float32) / self.config.head_dim
        positions = np.arange(self.config.max_position_embeddings, dtype=np.float32)
        angles = np.outer(positions, self.config.rope_theta**-steps).astype(np.float32)
        self.cos, self.sin = (self.graph.constant(f(angles)) for f in (np.cos, np.sin))

    def build(self) -> onnx.ModelProto:
        graph, layers = self.graph, self.weights.layers
        new, total = (self.extent("bias", axis) for axis in (2, 3))
        self.scores_shape = self.shape(1, self.config.num_attention_heads, new, total)
        self.grouped_shape = self.shape(1, self.config.num_key_value_heads, -1, total)
        residual = graph.add("Gather", graph.constant(self.weights.embedding), "tokens")
        x = self.norm(residual, layers[0].attention_norm)
        for number, layer in enumerate(layers):
            x = self.attention(number, layer, x)
            if number == len(layers) - 1:  # beyond here only some tokens matter
                x, residual = (graph.add("Gather", name, "rows", axis=1) for name in (x, residual))
            x = graph.linears(x, [layer.linears["o_proj"]])[0]
            x, residual = self.add_and_norm(residual, x, layer.feed_forward_norm)
            x = self.feed_forward(layer, x)
            following = layers[number + 1 :]
            scale = following[0].attention_norm if following else self.weights.norm
            x, residual = self.add_and_norm(residual, x, scale)
        x = graph.add("Squeeze", x, graph.constant(np.array([0])))
        head = graph.constant(self.weights.embedding.T)
        graph.node("MatMul", [x, head], ["logits"])
        return self.model()

    def extent(self, name: str, axis: int) -> str:
        return self.graph.add("Shape", name, start=axis, end=axis + 1)

    def shape(self, *extents: int | str) -> str:
        """Of numbers and of what `extent` returned."""
        parts = [x if isinstance(x, str) else self.graph.constant(np.array([x])) for x in extents]
        return self.graph.add("Concat", *parts, axis=0)

    def norm(self, x: str, scale: np.ndarray) -> str:
        epsilon = self.config.rms_norm_eps
        inputs = (x, self.graph.constant(scale))
        return self.graph.add("SimplifiedLayerNormalization", *inputs, axis=-1, epsilon=epsilon)

    def add_and_norm(self, residual: str, x: str, scale: np.ndarray) -> tuple[str, str]:
        """The norm of the sum, and the sum."""
        name = f"t{len(self.graph.nodes)}"
        self.graph.node(
            "SkipSimplifiedLayerNormalization",
            [residual, x, self.graph.constant(scale)],
            [name, "", "", f"{name}.sum"],
            FUSED,
            epsilon=self.config.rms_norm_eps,
        )
        return name, f"{name}.sum"

    def attention(self, number: int, layer: Layer, x: str) -> str:
        graph, config = self.graph, self.config
        heads, groups, size = (
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
        )
        queries, keys, values = graph.linears(
            x, [layer.linears[name] for name in ("q_proj", "k_proj", "v_proj")]
        )
        queries, keys = self.by_head(self.rotated(queries), heads), self.rotated(keys)
        for kind, added in (("key", keys), ("value", values)):
            past = [f"past_{kind}.{number}", self.by_head(added, groups)]
            graph.node("Concat", past, [f"{kind}.{number}"], axis=2)
        # The query heads of a group are rows of one product, so that no key is copied for them.
        queries = graph.reshape(queries, 1, groups, -1, size)
        inputs = (queries, f"key.{number}")
        scores = graph.add("FusedMatMul", *inputs, domain=FUSED, transB=1, alpha=size**-0.5)
        scores = graph.add("Reshape", scores, self.scores_shape)
        scores = graph.add("Softmax", graph.add("Add", scores, "bias"), axis=-1)
        scores = graph.add("Reshape", scores, self.grouped_shape)
        mixed = graph.add("MatMul", scores, f"value.{number}")
        mixed = graph.reshape(mixed, 1, heads, -1, size)
        mixed = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
        return graph.reshape(mixed, 1, -1, heads * size)

    def rotated(self, x: str) -> str:
        tables = (self.cos, self.sin)
        return self.graph.add("RotaryEmbedding", x, "positions", *tables, domain=FUSED)

    def by_head(self, x: str, heads: int) -> str:
        """[1, N, heads * E] -> [1, heads, N, E]"""
        split = self.graph.reshape(x, 1, -1, heads, self.config.head_dim)
        return self.graph.add("Transpose", split, perm=[0, 2, 1, 3])

    def feed_forward(self, layer: Layer, x: str) -> str:
        gate, up = self.graph.linears(x, [layer.linears[name] for name in ("gate_proj", "up_proj")])
        gate = self.graph.add("QuickGelu", gate, domain=FUSED, alpha=1.0)  # SiLU
        hidden = self.graph.add("Mul", gate, up)
        return self.graph.linears(hidden, [layer.linears["down_proj"]])[0]

    def model(self) -> onnx.ModelProto:
        describe = helper.make_tensor_value_info
        shape = [1, self.config.num_key_value_heads, "past", self.config.head_dim]
        inputs = [
            describe("tokens", INT64, [1, "new"]),
            describe("positions", INT64, [1, "new"]),
            describe("bias", FLOAT, [1, 1, "new", "total"]),
            describe("rows", INT64, ["rows"]),
        ]
        outputs = [describe("logits", FLOAT, ["rows", self.config.vocab_size])]
        for number in range(self.config.num_hidden_layers):
            for kind in ("key", "value"):
                inputs.append(describe(f"past_{kind}.{number}", FLOAT, shape))
                outputs.append(describe(f"{kind}.{number}", FLOAT, [*shape[:2], "total", shape[3]]))
        graph = helper.make_graph(
            self.graph.nodes, "decoder", inputs, outputs, self.graph.constants
        )
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)


def decoder(weights: Weights) -> onnx.ModelProto:
    return Decoder(weights).build()
