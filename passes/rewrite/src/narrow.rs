//! `narrow-scales`: multipliers of requantization that are numbers of 16 bits times a power of two.
//!
//! A kernel may then store half of each. A multiplier that would change by more than [`LOSS`] of itself keeps
//! all of its operand as it is: those of one operand share the power of two, so small ones have few bits.

use std::sync::Arc;
use tinyc_core::graph::{Graph, Kind, NodeId};
use tinyc_core::op::OpId;
use tinyc_core::tensor::Tensor;

/// At most one part in so many: two steps of the largest results of 8 bits where a channel's factor is a two
/// hundredth of the largest one, far below a step where factors are alike.
const LOSS: i64 = 1 << 7;

/// What a number of 16 bits holds.
const MOST: i64 = i16::MAX as i64;

/// The number of operands that became narrow.
pub fn run(graph: &mut Graph) -> usize {
    let ids: Vec<NodeId> = graph.ids().collect();
    let mut changes = 0;
    for id in ids {
        if !matches!(graph.node(id).kind, Kind::Op(OpId::requantize, _)) {
            continue;
        }
        // With an exponent for each, multipliers fill all bits.
        let ([_, Some(multiplier)] | [_, Some(multiplier), None]) = graph.operands(id)[..] else { continue };
        let Kind::Const(t) = &graph.node(multiplier).kind else { continue };
        let Some(narrow) = narrowed(t) else { continue };
        let (value, origins) = (graph.node(multiplier).value.clone(), graph.node(multiplier).origins.clone());
        let constant = graph.add_const(Arc::new(narrow), value);
        graph.node_mut(constant).origins = origins;
        graph.set_operand(id, 1, constant);
        changes += 1;
    }
    changes
}

/// The multipliers rounded, where that changes some and none by too much.
fn narrowed(t: &Tensor) -> Option<Tensor> {
    let old: Vec<i64> = t.as_slice::<i32>()?.iter().map(|v| i64::from(*v)).collect();
    let largest = old.iter().map(|v| v.abs()).max()?;
    let unit = (0..=16).map(|bits| 1i64 << bits).find(|unit| (largest + unit / 2) / unit <= MOST)?;
    let new: Vec<i64> = old.iter().map(|v| (v + unit / 2).div_euclid(unit) * unit).collect();
    let close = old.iter().zip(&new).all(|(v, n)| (v - n).abs() * LOSS <= v.abs());
    let narrow = close && old != new;
    narrow.then(|| Tensor::of(t.shape().clone(), new.into_iter().map(|v| v as i32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinyc_core::text::{parse, print};

    #[test]
    fn large_multipliers_become_narrow() {
        let text = "graph @g {
            %x = input : i32[3]
            %m = const [1100000000, 70000000, -900000001] : i32[3]
            %few = const [1100000000, 60000, 5] : i32[3]
            %y = requantize %x, %m {to: i8, shift: 0, zero: 1, lo: -128, hi: 127}
            %z = requantize %x, %few {to: i8, shift: 0, zero: 1, lo: -128, hi: 127}
            output %y
            output %z
        }";
        let mut graph = parse(text, &[]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(run(&mut graph), 1);
        let text = print(&graph).text;
        assert!(text.contains("[1100021760,69992448,-900005888]"), "{text}");
        assert!(text.contains("[1100000000,60000,5]"), "{text}");
        // There is nothing left to do.
        assert_eq!(run(&mut graph), 0);
    }
}
