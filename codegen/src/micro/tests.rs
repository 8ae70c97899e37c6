//! Kernels whose instructions are known, and functions that are refused.

use super::*;
use crate::kernels::block::{Block, Inputs, Sums, Weights};
use crate::kernels::planes::Planes;
use tinyc_core::loops::{Access, Buf, Dim, Expr, Index, Library, Load, Lower, Mode, Scalar, Stmt, Store, Ty};
use tinyc_core::ops::window::Window;

fn compiled(f: &Function) -> Result<Code, Refusal> {
    let sites: Vec<Site> = f.buffers.iter().map(|b| Site { align: b.elem.bytes(), disjoint: true }).collect();
    compile(f, &sites, Target::find("cortex-m4").unwrap())
}

fn block(channels: usize, pixels: usize, depth: usize, weights: Weights) -> Block {
    let result = Sums::Narrow { shift: 0, zero: -3, range: (-128, 127) };
    Block {
        channels,
        pixels,
        depth,
        totals: false,
        weights,
        inputs: Inputs::Wide,
        stride: 64,
        result,
        compact: false,
        unit: None,
    }
}

fn at(buffer: Buf, index: impl Into<Index>) -> Access {
    Access { buffer, offset: 0, dims: vec![Dim { index: index.into(), stride: 1, ring: None, bound: None }] }
}

fn word(buffer: Buf, index: impl Into<Index>) -> Expr {
    Expr::Load(Box::new(Load { access: at(buffer, index), ty: Ty::I32, otherwise: None, mask: None }))
}

/// Instructions of the loop in a turn, those that compare and go back left out, and of the rest.
fn instructions(code: &Code) -> (usize, usize) {
    let sum = |p: &Part| p.loads + p.stores + p.other;
    (sum(&code.parts[0].1), sum(&code.parts[1].1))
}

#[test]
fn blocks_use_all_registers() {
    for ((channels, pixels, weights), pair, rest) in [
        ((4, 2, Weights::Wide), 11, 37),
        ((2, 4, Weights::Bytes), 13, 36),
        ((2, 4, Weights::Joined), 12, 44),
        ((8, 1, Weights::Joined), 15, 47),
        ((8, 1, Weights::Bytes), 19, 39),
    ] {
        let b = block(channels, pixels, 64, weights);
        let code = compiled(&b.function("f")).unwrap();
        let Times::Constant(turns) = code.parts[0].0 else { unreachable!("the depth is known") };
        let (turn, outside) = instructions(&code);
        // The end of the loop comes from the stack each turn.
        let wanted = 32 / turns as usize * pair + 1;
        assert_eq!((turn, outside), (wanted, rest), "{channels}x{pixels} {weights:?}\n{}", code.lines.join("\n"));
        assert!(4 * (turn - 1) <= 768 && code.stack == 48, "{turn} {}", code.stack);
    }
    let code = compiled(&block(4, 2, 64, Weights::Wide).widen("w", 64, true)).unwrap();
    assert_eq!(instructions(&code), (8, 3), "{}", code.lines.join("\n"));
}

fn channel(output: usize, stride: usize) -> Planes {
    let input = output * stride;
    let rows = Window { input, kernel: 3, stride, dilation: 1, before: 1, after: 1, output };
    let result = Sums::Narrow { shift: 0, zero: -3, range: (-128, 127) };
    let (input, output) = ([input * 64, 64], [output * 64, 64]);
    Planes { rows, columns: rows, signed: true, zero: -5, result, compact: false, unit: None, band: 4, input, output }
}

/// A sum for each of six pixels, weights and words of the plane: the zero point, which is outside of all loops in
/// the source, is made where it is added.
#[test]
fn tiles_of_channels_use_all_registers() {
    let turns = [(5, 1), (6, 1), (48, 1), (24, 2)].map(|(output, stride)| {
        let code = compiled(&channel(output, stride).kernels("f")[0].0).unwrap();
        let text = code.lines.join("\n");
        // Once a turn, and no register holds it otherwise.
        assert_eq!(text.matches("mvn").count(), 1, "{text}");
        instructions(&code).0
    });
    // Of 5 pixels, and of 6.
    assert_eq!(turns, [64, 74, 74, 80]);
    let code = compiled(&channel(5, 1).spread("f")).unwrap();
    assert_eq!(instructions(&code).0, 36, "{}", code.lines.join("\n"));
}

/// No layer of usual extents needs more registers than there are.
#[test]
fn kernels_of_channels_compile() {
    for (output, kernel, stride) in [(3, 3, 1), (5, 3, 2), (7, 5, 1), (12, 3, 1), (24, 5, 2), (48, 3, 1), (96, 7, 2)] {
        for channels in [4, 24, 96, 256, 1024] {
            let (pad, input) = (kernel / 2, output * stride);
            let rows = Window { input, kernel, stride, dilation: 1, before: pad, after: pad, output };
            let p = Planes {
                rows,
                columns: rows,
                band: 2.min(output),
                input: [input * channels, channels],
                output: [output * channels, channels],
                ..channel(output, stride)
            };
            for f in [p.spread("spread")].into_iter().chain(p.kernels("f").into_iter().map(|k| k.0)) {
                let refused = compiled(&f).err();
                assert_eq!(refused, None, "{} of {kernel}x{kernel}/{stride} to {output}x{channels}", f.name);
            }
        }
    }
}

/// Where nothing is aligned, no word is loaded together with another.
#[test]
fn alignment_decides_on_pairs() {
    let mut l = Lower::micro("copy");
    let (x, y) = (l.buffer("x", Scalar::I8, 64, Mode::Read), l.buffer("y", Scalar::I32, 2, Mode::Write));
    let words = [word(x, 8usize), word(x, 12usize)].map(|w| l.bind("w", w));
    for (i, value) in words.into_iter().enumerate() {
        l.push(Stmt::Store(Store { access: at(y, i), value, mask: None }));
    }
    let f = l.finish();
    let lines = |align, disjoint| {
        let sites = [Site { align, disjoint }, Site { align: 4, disjoint }];
        compile(&f, &sites, Target::find("cortex-m4").unwrap()).unwrap().lines.join("; ")
    };
    assert_eq!(lines(4, true), "ldrd r0, r2, [r0, #8]; strd r0, r2, [r1]; bx lr");
    assert_eq!(lines(2, true), "ldr r2, [r0, #8]; ldr r0, [r0, #12]; strd r2, r0, [r1]; bx lr");
}

#[test]
fn what_does_not_fit_is_refused() {
    let refusal = |f: &Function| compiled(f).map(|c| c.lines.join("\n")).unwrap_err().0;
    assert_eq!(refusal(&block(4, 4, 64, Weights::Wide).function("f")), "it needs more registers than there are");
    let mut l = Lower::micro("many");
    let (x, y) = (l.buffer("x", Scalar::I32, 16, Mode::Read), l.buffer("y", Scalar::I32, 16, Mode::Write));
    let words: Vec<Expr> = (0..16usize).map(|i| l.bind("w", word(x, i))).collect();
    // Each sum needs all of them, in an order that keeps them.
    for i in 0..16usize {
        let sum = words.iter().fold(words[i].clone(), |s, w| Library::Smlad.call([w.clone(), words[i].clone(), s]));
        l.push(Stmt::Store(Store { access: at(y, i), value: sum, mask: None }));
    }
    assert_eq!(refusal(&l.finish()), "it needs more registers than there are");
    let mut l = Lower::micro("nest");
    let y = l.buffer("y", Scalar::I32, 16, Mode::Write);
    l.nest(&[4, 4], |l, i| {
        let access = at(y, i[0].clone() * 4 + i[1].clone());
        l.push(Stmt::Store(Store { access, value: Expr::int(Scalar::I32, 1), mask: None }));
    });
    assert_eq!(refusal(&l.finish()), "a loop in a loop");
    let mut l = Lower::micro("narrow");
    let x = l.buffer("x", Scalar::I8, 1, Mode::Read);
    let value = Expr::Load(Box::new(Load { access: at(x, 0usize), ty: Ty::I8, otherwise: None, mask: None }));
    l.bind("v", value);
    assert_eq!(refusal(&l.finish()), "a local of i8");
    assert!(compiled(&Lower::new("plain").finish()).is_err());
}
