//! The models that are mutated: the example, every model of the case files, and networks that cover
//! what those leave out. All are below 100 KB.

use std::path::Path;
use tinyc_core::onnx::proto::{ModelProto, TensorProto};
use tinyc_core::random::Random;
use tinyc_testsuite::{case, onnx_text};

/// A model, and what the command line says beside it.
pub struct Model {
    pub proto: ModelProto,
    pub args: Vec<String>,
}

pub type Weight = (&'static str, &'static [i64]);

/// Networks with the extents of their weights, which are random.
pub const NETWORKS: &[(&str, &[Weight])] = &[
    (
        r#"<ir_version: 8, opset_import: ["" : 13]>
        convolutions (float[1,3,12,12] x) => (float[1,5] y)
        <int64[2] flat = {1, -1}, float[8] one = {1,1,1,1,1,1,1,1}, float low = {0}, float high = {6}>
        {
          [conv] a = Conv <kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]> (x, w1, b1)
          [norm] n = BatchNormalization <epsilon = 0.001> (a, one, b1, b1, one)
          [relu6] c = Clip (n, low, high)
          [depthwise] d = Conv <kernel_shape = [3,3], group = 8, auto_pad = "SAME_UPPER"> (c, w2)
          [act] e = LeakyRelu <alpha = 0.1> (d)
          [pool] f = MaxPool <kernel_shape = [2,2], strides = [2,2], ceil_mode = 1> (e)
          [mean] g = GlobalAveragePool (f)
          [flatten] h = Reshape (g, flat)
          [dense] l = Gemm <transB = 1, alpha = 0.5> (h, w3, b3)
          [softmax] y = Softmax <axis = -1> (l)
        }"#,
        &[("w1", &[8, 3, 3, 3]), ("b1", &[8]), ("w2", &[8, 1, 3, 3]), ("w3", &[5, 8]), ("b3", &[5])],
    ),
    (
        r#"<ir_version: 8, opset_import: ["" : 20]>
        attention (float[N,6,8] x) => (float[N,6,8] y)
        <float scale = {2.828}, int64[4] heads = {0, 0, 2, 4}, int64[3] joined = {0, 0, -1}>
        {
          q0 = MatMul (x, wq)
          q1 = Reshape (q0, heads)
          q = Transpose <perm = [0,2,1,3]> (q1)
          k0 = MatMul (x, wk)
          k1 = Reshape (k0, heads)
          k = Transpose <perm = [0,2,3,1]> (k1)
          s = MatMul (q, k)
          d = Div (s, scale)
          p = Softmax (d)
          o = MatMul (p, q)
          t = Transpose <perm = [0,2,1,3]> (o)
          j = Reshape (t, joined)
          m = MatMul (j, wo)
          r = Add (m, x)
          g = Gelu (r)
          y = Add (g, b)
        }"#,
        &[("wq", &[8, 8]), ("wk", &[8, 8]), ("wo", &[8, 8]), ("b", &[8])],
    ),
    (
        r#"<ir_version: 7, opset_import: ["" : 11]>
        elementwise (float[2,3,4] x, float[3,1] z, int32[4] i) => (float[2,3,4] y, bool[2,3,4] b, int32[4] j)
        {
          a = Exp (x)
          c = Tanh (a)
          d = Sub (c, z)
          e = Sigmoid (d)
          f = Pow (e, z)
          g = Sqrt (f)
          h = Erf (g)
          k = Max (h, z, x)
          l = HardSigmoid <alpha = 0.3> (k)
          m = PRelu (l, z)
          n = Softplus (m)
          o = Log (n)
          y = Elu <alpha = 0.5> (o)
          p = Greater (y, x)
          q = Not (p)
          b = And (p, q)
          r = Mul (i, i)
          s = Neg (r)
          t = Div (s, i)
          j = Abs (t)
        }"#,
        &[],
    ),
    (
        r#"<ir_version: 8, opset_import: ["" : 13]>
        shapes (float[2,6,4] x) => (float[2,4,6,1] y, int64 n)
        <int64 two = {2}, int64[1] axis = {3}, int64[2] big = {64, 64}>
        {
          s = Shape (x)
          t = Mul (s, two)
          u = Div (t, two)
          r = Reshape (x, u)
          v = Transpose <perm = [0,2,1]> (r)
          w = Unsqueeze (v, axis)
          n = Size (w)
          f = ConstantOfShape <value = float[1] {0.5}> (big)
          e = MatMul (f, f)
          g = MatMul (e, e)
          k = Constant <value_int = 3> ()
          c = ConstantOfShape (u)
          h = Reshape (c, s)
          l = Add (r, h)
          o = Flatten <axis = 2> (l)
          p = AveragePool <kernel_shape = [3], pads = [1,1], count_include_pad = 1> (l)
          y = Identity (w)
        }"#,
        &[],
    ),
];

fn network(text: &str, weights: &[Weight]) -> ModelProto {
    let mut model = onnx_text::parse(text).unwrap();
    let mut random = Random::new(1);
    let weight = |&(name, dims): &Weight| {
        let elements = dims.iter().product::<i64>() as usize;
        let data: Vec<f32> = (0..elements).map(|_| random.signed()).collect();
        let raw_data = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        TensorProto { name: name.to_owned(), dims: dims.to_vec(), data_type: 1, raw_data, ..Default::default() }
    };
    model.graph.as_mut().unwrap().initializer.extend(weights.iter().map(weight));
    model
}

pub fn models() -> Vec<Model> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/digits/digits.onnx");
    let example = ModelProto::from_bytes(&std::fs::read(example).unwrap()).unwrap();
    let dims = || vec!["--dim".to_owned(), "N=2".to_owned()];
    let mut models = vec![Model { proto: example, args: Vec::new() }];
    models.extend(NETWORKS.iter().map(|(text, weights)| Model { proto: network(text, weights), args: dims() }));
    for case in case::all("import").unwrap().into_iter().chain(case::all("errors").unwrap()) {
        let case = case.unwrap();
        if let Some(text) = case.section("model") {
            models.push(Model { proto: onnx_text::parse(text).unwrap(), args: dims() });
        }
    }
    models
}
