//! The C program that feeds samples to a compiled network: reads one file, writes another.

use std::fmt::Write;
use tinyc_codegen::Io;
use tinyc_core::loops::{Arg, Mode, Place, Program};

/// Buffers that a step writes, in the order the harness dumps them.
pub fn written(program: &Program, step: usize) -> Vec<tinyc_core::loops::BufferId> {
    let step = &program.steps[step];
    let function = &program.functions[step.function.0 as usize];
    let buffers = step.args.iter().filter_map(|a| match a {
        Arg::Buffer(b) => Some(*b),
        Arg::Index(_) => None,
    });
    buffers.zip(&function.buffers).filter(|(_, p)| p.mode != Mode::Read).map(|(b, _)| b).collect()
}

/// Source of the harness. It is run as `harness INPUT OUTPUT`: INPUT holds sample after sample, the
/// inputs of each in order; OUTPUT gets each sample's outputs or, when `per_layer`, what each step
/// writes and then the outputs.
pub fn source(program: &Program, io: Io, per_layer: bool) -> String {
    let name = &program.name;
    let upper = name.to_uppercase();
    let mut s = format!(
        "#include \"{name}.h\"\n#include <stdio.h>\n#include <stdlib.h>\n\n\
         static int get(void *to, size_t n, FILE *f) {{ return fread(to, 1, n, f) == n; }}\n\
         static void put(const void *from, size_t n, FILE *f) {{ if (fwrite(from, 1, n, f) != n) exit(3); }}\n\n\
         int main(int argc, char **argv) {{\n    {name}_ctx ctx;\n    {name}_status status;\n\
         \x20   unsigned char *arena = malloc({upper}_ARENA_BYTES ? {upper}_ARENA_BYTES : 1);\n\
         \x20   FILE *in = argc == 3 ? fopen(argv[1], \"rb\") : NULL;\n\
         \x20   FILE *out = argc == 3 ? fopen(argv[2], \"wb\") : NULL;\n\
         \x20   if (!arena || !in || !out) return 2;\n\
         \x20   if ({name}_init(&ctx, arena, {upper}_ARENA_BYTES) != {upper}_OK) return 4;\n",
    );
    let ports = [("in", &program.inputs), ("out", &program.outputs)];
    let mut release = "    free(arena);\n".to_owned();
    for (kind, list) in ports {
        for (i, port) in list.iter().enumerate() {
            let bytes = port.ty.bytes();
            let value = match io {
                Io::Caller => {
                    let _ = writeln!(release, "    free({kind}{i});");
                    format!("malloc({})", bytes.max(1))
                }
                Io::Arena => format!("{name}_{kind}{i}(&ctx)"),
            };
            let _ = writeln!(s, "    void *{kind}{i} = {value};\n    if (!{kind}{i}) return 2;");
        }
    }
    let reads: Vec<String> =
        program.inputs.iter().enumerate().map(|(i, p)| format!("get(in{i}, {}, in)", p.ty.bytes())).collect();
    let reads = if reads.is_empty() { "0".to_owned() } else { reads.join(" && ") };
    let arguments: String = match io {
        Io::Arena => String::new(),
        Io::Caller => {
            let ins = (0..program.inputs.len()).map(|i| format!(", in{i}"));
            ins.chain((0..program.outputs.len()).map(|i| format!(", out{i}"))).collect()
        }
    };
    let _ = writeln!(s, "    while ({reads}) {{");
    if per_layer {
        let _ = writeln!(s, "        status = {name}_begin(&ctx{arguments});");
        for step in 0..program.steps.len() {
            let _ = writeln!(s, "        status = {name}_step(&ctx);");
            for b in written(program, step) {
                let buffer = &program.buffers[b.0 as usize];
                let address = match buffer.place {
                    Place::Arena(offset) => format!("arena + {offset}"),
                    Place::Output(i) => format!("out{i}"),
                    Place::Input(_) | Place::Const(_) => continue,
                };
                let _ = writeln!(s, "        put({address}, {}, out);", buffer.bytes());
            }
        }
    } else {
        let _ = writeln!(s, "        status = {name}_run(&ctx{arguments});");
    }
    let _ = writeln!(s, "        if (status != {upper}_OK) return 5;");
    for (i, port) in program.outputs.iter().enumerate() {
        let _ = writeln!(s, "        put(out{i}, {}, out);", port.ty.bytes());
    }
    s + "    }\n" + &release + "    fclose(in);\n    return fclose(out) == 0 ? 0 : 3;\n}\n"
}
