//! `selftest`: built-in samples, run and compared. Results lie behind the arena proper.

use super::api::port_type;
use super::unit::Unit;
use super::{Golden, Options};
use crate::Io;
use std::fmt::Write;
use tinyc_core::loops::{Port, Program, Scalar};
use tinyc_core::tensor::Tensor;

pub struct Selftest {
    pub code: String,
    /// Arena that it needs.
    pub bytes: usize,
}

pub fn print(unit: &mut Unit<'_>, program: &Program, options: &Options, golden: &Golden) -> Selftest {
    let (p, u) = (unit.prefix.clone(), unit.upper.clone());
    let caller = options.io == Io::Caller;
    let align = program.arena_align.max(8);
    let mut bytes = program.arena_bytes;
    let mut head = String::new();
    for (i, port) in program.outputs.iter().enumerate() {
        let ty = port_type(port.ty.dtype).0;
        if caller {
            bytes = bytes.next_multiple_of(align);
            let _ = writeln!(head, "    {ty} *const out{i} = ({ty} *)(void *)((unsigned char *)arena + {bytes});");
            bytes += port.ty.bytes();
        } else {
            let _ = writeln!(head, "    const {ty} *out{i};");
        }
    }
    let mut data = String::new();
    let mut body = String::new();
    for (n, sample) in golden.samples.iter().enumerate() {
        let mut arguments = String::new();
        for (i, (tensor, port)) in sample.inputs.iter().zip(&program.inputs).enumerate() {
            let name = array(unit, &format!("sample{n}_in{i}"), tensor, &mut data);
            if caller {
                let _ = write!(arguments, ", {}", as_port(&name, port));
            } else {
                let _ = write!(
                    body,
                    "    for (size_t i = 0; i < {u}_IN{i}_ELEMENTS; i++) {{\n        \
                     {p}_in{i}(ctx)[i] = ({}){name}[i];\n    }}\n",
                    port_type(port.ty.dtype).0
                );
            }
        }
        if caller {
            arguments.extend((0..program.outputs.len()).map(|i| format!(", out{i}")));
        }
        let _ = write!(
            body,
            "    status = {p}_run(ctx{arguments});\n    if (status != {u}_OK) {{\n        return status;\n    }}\n"
        );
        for (i, (tensor, port)) in sample.outputs.iter().zip(&program.outputs).enumerate() {
            let name = array(unit, &format!("sample{n}_out{i}"), tensor, &mut data);
            if !caller {
                let _ = writeln!(body, "    out{i} = {p}_out{i}(ctx);");
            }
            body.push_str(&compare(&u, i, &name, tensor, port, golden.tolerance));
        }
    }
    let check = format!(
        "    {p}_status status = {p}_init(ctx, arena, bytes);\n    if (status != {u}_OK) {{\n        return status;\n    \
         }}\n    if (bytes < {u}_SELFTEST_BYTES) {{\n        return {u}_ERROR_SIZE;\n    }}\n"
    );
    let code = format!(
        "{data}{p}_status {p}_selftest({p}_ctx *ctx, void *arena, size_t bytes)\n{{\n{head}{check}{body}    \
         return status;\n}}\n"
    );
    Selftest { code, bytes: bytes.max(1) }
}

fn array(unit: &mut Unit<'_>, name: &str, tensor: &Tensor, data: &mut String) -> String {
    let name = unit.declare(name);
    if let Some(scalar) = Scalar::of(tensor.dtype()) {
        data.push_str(&unit.array(&name, scalar, &tensor.data().to_le_bytes()));
        data.push('\n');
    }
    name
}

/// A constant array as a pointer of the port's type, which may be its unsigned twin.
fn as_port(name: &str, port: &Port) -> String {
    let ty = port_type(port.ty.dtype).0;
    if ty.starts_with('u') { format!("(const {ty} *)(const void *){name}") } else { name.to_owned() }
}

fn compare(u: &str, i: usize, name: &str, golden: &Tensor, port: &Port, tolerance: f64) -> String {
    let ty = port_type(port.ty.dtype).0;
    let mismatch = format!("            return {u}_ERROR_MISMATCH;\n        }}\n    }}\n");
    let head = format!("    for (size_t i = 0; i < {u}_OUT{i}_ELEMENTS; i++) {{\n");
    if !matches!(ty, "float" | "double") {
        return format!("{head}        if (out{i}[i] != ({ty}){name}[i]) {{\n{mismatch}");
    }
    let largest = golden.to_f64s().into_iter().filter(|v| v.is_finite()).fold(1.0, |m: f64, v| m.max(v.abs()));
    let allowed = tolerance * largest;
    let literal = if ty == "float" { format!("{:?}f", allowed as f32) } else { format!("{allowed:?}") };
    // Written so that a NaN fails.
    format!(
        "{head}        const {ty} d = out{i}[i] - {name}[i];\n        \
         if (!(d <= {literal} && d >= -{literal})) {{\n{mismatch}"
    )
}
