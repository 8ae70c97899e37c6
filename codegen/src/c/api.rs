//! The functions of the interface: init, run, begin, step, reset, accessors, hook.

use super::Options;
use super::names::{comment, layer, string};
use super::unit::{Unit, ty_name};
use crate::Io;
use std::collections::BTreeMap;
use std::fmt::Write;
use tinyc_core::loops::{Arg, BufferId, BufferParam, Mode, Place, Port, Program, Scalar, Step};
use tinyc_core::types::DType;

/// Names behind the prefix that kernels and constants do not get.
pub const NAMES: &[&str] =
    &["ctx", "status", "hook", "init", "run", "begin", "step", "reset", "set_hook", "selftest", "layers", "H"];

/// C type of a port's elements and its alignment.
pub fn port_type(dtype: DType) -> (&'static str, usize) {
    let ty = match dtype {
        DType::Bool | DType::U8 => "uint8_t",
        DType::U16 => "uint16_t",
        DType::U32 => "uint32_t",
        DType::U64 => "uint64_t",
        dtype => Scalar::of(dtype).map_or("uint16_t", ty_name),
    };
    (ty, dtype.bytes())
}

/// Inputs and outputs as the interface shows them.
pub struct Ports<'a> {
    io: Io,
    /// `const ` for inputs, name, port.
    ports: Vec<(&'static str, String, &'a Port)>,
}

impl Ports<'_> {
    pub fn of(program: &Program, io: Io) -> Ports<'_> {
        let inputs = program.inputs.iter().enumerate().map(|(i, p)| ("const ", format!("in{i}"), p));
        let outputs = program.outputs.iter().enumerate().map(|(i, p)| ("", format!("out{i}"), p));
        Ports { io, ports: inputs.chain(outputs).collect() }
    }

    fn iter(&self) -> impl Iterator<Item = (&'static str, &str, &'static str, &Port)> {
        self.ports.iter().map(|(c, n, p)| (*c, n.as_str(), port_type(p.ty.dtype).0, *p))
    }

    /// Pointers that the caller gives: `const `, name, type.
    pub fn pointers(&self) -> Vec<(&'static str, &str, &'static str)> {
        if self.io == Io::Arena {
            return Vec::new();
        }
        self.iter().map(|(c, n, t, _)| (c, n, t)).collect()
    }

    /// Functions that give addresses in the arena: inputs are written, outputs read.
    pub fn accessors(&self) -> Vec<(&'static str, &str, &'static str)> {
        self.iter().map(|(c, n, t, _)| (if c.is_empty() { "const " } else { "" }, n, t)).collect()
    }

    /// Parameters after the context, with a leading comma.
    pub fn parameters(&self, arrays: bool) -> String {
        if self.io == Io::Arena {
            return String::new();
        }
        let one = |(c, n, t, p): (&str, &str, &str, &Port)| match p.ty.elements() {
            elements if arrays && elements > 0 => format!(", {c}{t} {n}[{elements}]"),
            _ => format!(", {c}{t} *{n}"),
        };
        self.iter().map(one).collect()
    }

    fn names(&self) -> String {
        self.pointers().iter().map(|(_, n, _)| format!(", {n}")).collect()
    }
}

pub fn print(unit: &mut Unit<'_>, program: &Program, options: &Options, constants: &BTreeMap<u32, String>) -> String {
    let (p, u) = (unit.prefix.clone(), unit.upper.clone());
    let ports = Ports::of(program, options.io);
    let mut s = init(&p, &u, program, options);
    if options.io == Io::Arena {
        let buffers = program.inputs.iter().chain(&program.outputs).map(|port| port.buffer);
        for ((constant, name, ty), buffer) in ports.accessors().into_iter().zip(buffers) {
            let at = arena(program, buffer, &format!("{constant}{ty}"));
            let _ = write!(s, "\n{constant}{ty} *{p}_{name}(const {p}_ctx *ctx)\n{{\n    return {at};\n}}\n");
        }
    }
    s.push_str(&begin(&p, &u, &ports));
    if options.hook {
        s.push_str(&layers(&p, program));
    }
    s.push_str(&step(unit, program, options, constants));
    let _ = write!(
        s,
        "\n{p}_status {p}_run({p}_ctx *ctx{})\n{{\n    {p}_status status = {p}_begin(ctx{});\n    \
         if (status == {u}_OK) {{\n        do {{\n            status = {p}_step(ctx);\n        \
         }} while (status == {u}_BUSY);\n    }}\n    return status;\n}}\n",
        ports.parameters(true),
        ports.names()
    );
    let _ = write!(
        s,
        "\nvoid {p}_reset({p}_ctx *ctx)\n{{\n    if (ctx != NULL) {{\n        ctx->step = {u}_STEPS;\n    }}\n}}\n"
    );
    if options.hook {
        let _ = write!(
            s,
            "\nvoid {p}_set_hook({p}_ctx *ctx, {p}_hook hook, void *user)\n{{\n    if (ctx != NULL) {{\n        \
             ctx->hook = hook;\n        ctx->user = user;\n    }}\n}}\n"
        );
    }
    s
}

fn init(p: &str, u: &str, program: &Program, options: &Options) -> String {
    let mut s = format!("{p}_status {p}_init({p}_ctx *ctx, void *arena, size_t bytes)\n{{\n");
    if program.arena_bytes == 0 {
        let _ = write!(s, "    (void)bytes;\n    if (ctx == NULL) {{\n        return {u}_ERROR_NULL;\n    }}\n");
    } else {
        let _ = write!(
            s,
            "    if (ctx == NULL || arena == NULL) {{\n        return {u}_ERROR_NULL;\n    }}\n    \
             if (bytes < {u}_ARENA_BYTES) {{\n        return {u}_ERROR_SIZE;\n    }}\n"
        );
        s.push_str(&aligned(u, "arena", &format!("{u}_ARENA_ALIGN"), program.arena_align));
    }
    s.push_str("    ctx->arena = (unsigned char *)arena;\n");
    for (_, name, _) in Ports::of(program, options.io).pointers() {
        let _ = writeln!(s, "    ctx->{name} = NULL;");
    }
    if options.hook {
        s.push_str("    ctx->hook = NULL;\n    ctx->user = NULL;\n");
    }
    let _ = write!(s, "    ctx->step = {u}_STEPS;\n    ctx->ready = 1u;\n    return {u}_OK;\n}}\n");
    s
}

/// A check of a pointer's alignment.
fn aligned(u: &str, pointer: &str, align: &str, bytes: usize) -> String {
    if bytes <= 1 {
        return String::new();
    }
    format!("    if ((uintptr_t){pointer} % {align} != 0u) {{\n        return {u}_ERROR_ALIGN;\n    }}\n")
}

fn begin(p: &str, u: &str, ports: &Ports<'_>) -> String {
    let mut s = format!("\n{p}_status {p}_begin({p}_ctx *ctx{})\n{{\n", ports.parameters(false));
    let pointers = ports.pointers();
    let nulls: String = pointers.iter().map(|(_, n, _)| format!(" || {n} == NULL")).collect();
    let _ = write!(
        s,
        "    if (ctx == NULL{nulls}) {{\n        return {u}_ERROR_NULL;\n    }}\n    \
         if (ctx->ready != 1u) {{\n        return {u}_ERROR_STATE;\n    }}\n"
    );
    if ports.io == Io::Caller {
        for (_, name, _, port) in ports.iter() {
            let align = format!("{u}_{}_ALIGN", name.to_ascii_uppercase());
            s.push_str(&aligned(u, name, &align, port_type(port.ty.dtype).1));
        }
    }
    for (_, name, _) in pointers {
        let _ = writeln!(s, "    ctx->{name} = {name};");
    }
    let _ = write!(s, "    ctx->step = 0u;\n    return {u}_OK;\n}}\n");
    s
}

/// Names of the layers, for hooks.
fn layers(p: &str, program: &Program) -> String {
    if program.steps.is_empty() {
        return String::new();
    }
    let names: String = program.steps.iter().map(|s| format!("    {},\n", string(&layer(&s.origins)))).collect();
    format!("\nstatic const char *const {p}_layers[{}] = {{\n{names}}};\n", program.steps.len())
}

fn step(unit: &mut Unit<'_>, program: &Program, options: &Options, constants: &BTreeMap<u32, String>) -> String {
    let (p, u) = (unit.prefix.clone(), unit.upper.clone());
    let small = if unit.small { format!("{u}_SMALL ") } else { String::new() };
    let mut s = format!(
        "\n{small}{p}_status {p}_step({p}_ctx *ctx)\n{{\n    if (ctx == NULL) {{\n        return {u}_ERROR_NULL;\n    }}\n    \
         if (ctx->ready != 1u) {{\n        return {u}_ERROR_STATE;\n    }}\n"
    );
    if program.steps.is_empty() {
        let _ = write!(s, "    return {u}_OK;\n}}\n");
        return s;
    }
    let hook = |after: u32| {
        format!(
            "    if (ctx->hook != NULL) {{\n        \
             ctx->hook(ctx->user, ctx->step, {p}_layers[ctx->step], {after});\n    }}\n"
        )
    };
    let _ = write!(s, "    if (ctx->step >= {u}_STEPS) {{\n        return {u}_OK;\n    }}\n");
    if options.hook {
        s.push_str(&hook(0));
    }
    s.push_str("    switch (ctx->step) {\n");
    for (i, step) in program.steps.iter().enumerate() {
        let macs = if step.macs == 0 { String::new() } else { format!("; {} MACs", step.macs) };
        let separator = if step.comment.is_empty() { "" } else { ": " };
        let note = comment(&format!("{}{separator}{}{macs}", layer(&step.origins), step.comment));
        // The last case is `default`, so that compilers see that one is taken.
        let label = if i + 1 == program.steps.len() { "default".to_owned() } else { format!("case {i}u") };
        let call = call(unit, program, step, constants);
        let _ = write!(s, "    {label}:\n        /* step {i}: {note} */\n        {call}\n        break;\n");
    }
    s.push_str("    }\n");
    if options.hook {
        s.push_str(&hook(1));
    }
    let _ = write!(s, "    ctx->step++;\n    return ctx->step < {u}_STEPS ? {u}_BUSY : {u}_OK;\n}}\n");
    s
}

fn call(unit: &Unit<'_>, program: &Program, step: &Step, constants: &BTreeMap<u32, String>) -> String {
    let f = &program.functions[step.function.0 as usize];
    let mut buffers = f.buffers.iter();
    let args: Vec<String> = step
        .args
        .iter()
        .map(|a| match a {
            Arg::Index(v) => v.to_string(),
            Arg::Buffer(id) => match buffers.next() {
                Some(param) => argument(program, *id, param, constants),
                None => unreachable!("argument counts are checked"),
            },
        })
        .collect();
    let name = unit.functions.get(&step.function).map_or("", |n| n);
    format!("{name}({});", args.join(", "))
}

fn argument(program: &Program, id: BufferId, param: &BufferParam, constants: &BTreeMap<u32, String>) -> String {
    let buffer = &program.buffers[id.0 as usize];
    let constant = if param.mode == Mode::Read { "const " } else { "" };
    let want = format!("{constant}{}", ty_name(param.elem));
    let given = |text: String, ty: &str| {
        if ty == ty_name(param.elem) {
            text
        } else {
            let void = if constant.is_empty() { "(void *)" } else { "(const void *)" };
            format!("({want} *){void}{text}")
        }
    };
    match &buffer.place {
        Place::Input(i) => given(format!("ctx->in{i}"), port_type(program.inputs[*i].ty.dtype).0),
        Place::Output(i) => given(format!("ctx->out{i}"), port_type(program.outputs[*i].ty.dtype).0),
        Place::Const(_) => given(constants.get(&id.0).cloned().unwrap_or_default(), ty_name(buffer.elem)),
        Place::Arena(_) => arena(program, id, &want),
    }
}

/// The address of a buffer in the arena as a pointer to `ty`.
fn arena(program: &Program, id: BufferId, ty: &str) -> String {
    let at = match program.buffers[id.0 as usize].place {
        Place::Arena(at) => at,
        _ => unreachable!("planned inside of the arena"),
    };
    let address = if at == 0 { "ctx->arena".to_owned() } else { format!("(ctx->arena + {at})") };
    format!("({ty} *)(void *){address}")
}
