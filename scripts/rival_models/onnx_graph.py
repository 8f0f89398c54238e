"""The decoder as an ONNX graph for onnxruntime: one graph for prompts, events and beams.

It runs N new tokens over a cache of P earlier ones, and every fused operator that onnxruntime has
for such a model is used. Beams are tokens of one sequence: all at the same position, each kept
from seeing its siblings by `bias`, so that 20 beams share the prompt's keys and values uncopied.

Inputs:  tokens [1, N], positions [1, N]; bias [1, 1, N, P + N], added to the attention scores;
         last [1] = P + N - 1, total = P + N; rows [R], whose logits are wanted;
         past_key.I, past_value.I [1, G, P, E]
Outputs: logits [R, vocabulary]; key.I, value.I [1, G, P + N, E]
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import Layer, Linear, Weights

OPSET, IR_VERSION = 21, 10
FUSED = "com.microsoft"  # the domain of onnxruntime's own operators
FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


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

    def linears(self, x: str, layers: list[Linear]) -> list[str]:
        """Several layers of one input; their right factors are one product."""
        if all(layer.right is None for layer in layers):
            whole = self.times(x, np.concatenate([layer.left for layer in layers]))
            sizes = [len(layer.left) for layer in layers]
            return self.split(whole, sizes) if len(layers) > 1 else [whole]
        first = [layer.left if layer.right is None else layer.right for layer in layers]
        inner = self.times(x, np.concatenate(first))
        parts = self.split(inner, [len(part) for part in first]) if len(layers) > 1 else [inner]
        return [
            part if layer.right is None else self.times(part, layer.full_left)
            for part, layer in zip(parts, layers, strict=True)
        ]


class Decoder:
    def __init__(self, weights: Weights) -> None:
        self.weights, self.config, self.graph = weights, weights.config, Graph()
        steps = np.arange(0, self.config.head_dim, 2, dtype=np.float32) / self.config.head_dim
        positions = np.arange(self.config.max_position_embeddings, dtype=np.float32)
        angles = np.outer(positions, self.config.rope_theta**-steps).astype(np.float32)
        self.cos, self.sin = (self.graph.constant(f(angles)) for f in (np.cos, np.sin))

    def build(self) -> onnx.ModelProto:
        graph, layers = self.graph, self.weights.layers
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
        queries, keys, values = self.graph.linears(
            x, [layer.linears[name] for name in ("q_proj", "k_proj", "v_proj")]
        )
        name = f"t{len(self.graph.nodes)}"
        past = [f"past_key.{number}", f"past_value.{number}"]
        tables = [self.cos, self.sin, "positions", "bias"]
        self.graph.node(
            "GroupQueryAttention",
            [queries, keys, values, *past, "last", "total", *tables],
            [name, f"key.{number}", f"value.{number}"],
            FUSED,
            num_heads=self.config.num_attention_heads,
            kv_num_heads=self.config.num_key_value_heads,
            do_rotary=1,
        )
        return name

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
            describe("last", INT32, [1]),
            describe("total", INT32, []),
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
