//! Networks of any length: each node reads what the one before it wrote.

use crate::onnx_text;
use tinyc_core::onnx::proto::{ModelProto, TensorProto};
use tinyc_core::random::Random;

const CHANNELS: i64 = 8;
const SIDE: i64 = 12;

/// A chain of this many operators over images of 12 x 12 with 8 channels: convolutions, depthwise and
/// not, activations, and transposes. Weights are random and differ, so that no constant is shared.
pub fn chain(nodes: usize) -> ModelProto {
    let value = |i: usize| if i == nodes { "y".to_owned() } else { format!("v{i}") };
    let mut random = Random::new(1);
    let mut weights = Vec::new();
    let mut text = String::new();
    for i in 0..nodes {
        let mut weight = |name: String, dims: &[i64]| {
            let elements = dims.iter().product::<i64>() as usize;
            let raw_data = (0..elements).flat_map(|_| (random.signed() * 0.3).to_le_bytes()).collect();
            weights.push(TensorProto { name, dims: dims.to_vec(), data_type: 1, raw_data, ..Default::default() });
        };
        let operator = match i % 5 {
            0 | 2 => {
                let (group, channels) = if i % 5 == 0 { (1, CHANNELS) } else { (CHANNELS, 1) };
                weight(format!("w{i}"), &[CHANNELS, channels, 3, 3]);
                weight(format!("b{i}"), &[CHANNELS]);
                format!("Conv <pads = [1,1,1,1], group = {group}> ({}, w{i}, b{i})", value(i))
            }
            1 => format!("Sigmoid ({})", value(i)),
            3 => format!("Transpose <perm = [0,1,3,2]> ({})", value(i)),
            _ => format!("Tanh ({})", value(i)),
        };
        text += &format!("{} = {operator}\n", value(i + 1));
    }
    let ty = format!("float[1,{CHANNELS},{SIDE},{SIDE}]");
    let text =
        format!("<ir_version: 8, opset_import: [\"\" : 13]>\nchain ({ty} {}) => ({ty} y)\n{{\n{text}}}", value(0));
    let mut model = onnx_text::parse(&text).expect("the text is well-formed");
    model.graph.as_mut().expect("a model has a graph").initializer = weights;
    model
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_compile_and_have_the_length_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for nodes in [1, 10] {
            let model = chain(nodes);
            assert_eq!(model.graph.as_ref().unwrap().node.len(), nodes);
            let path = folder.path().join("chain.onnx");
            std::fs::write(&path, model.to_bytes()).unwrap();
            let run = crate::command::tinyc([path.into_os_string(), "--emit".into(), "plan".into()]);
            assert_eq!(run.status, 0, "{}", run.stderr);
        }
    }
}
