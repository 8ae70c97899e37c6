//! The program that runs a network on an emulated board and counts, and what it prints.
//!
//! Lines: `calibrate`, then ticks of two loops; `samples`, then for each sample a line of hexadecimal
//! digits for each output; `run`, then ticks and bytes of stack; for each step `step` with the same.

use std::fmt::Write;
use tinyc_codegen::Io;
use tinyc_core::loops::Program;
use tinyc_core::tensor::{Data, Tensor};

/// The file of samples: the inputs of each in order.
pub const SAMPLES: &str = "samples.bin";

/// Turns of the loops that the clock is timed by; two instructions each.
const TURNS: [u64; 2] = [1_000, 101_000];

/// Painted beyond the bound on the stack, to see whether it is kept.
const MARGIN: usize = 1024;

pub fn source(program: &Program, io: Io, samples: usize, stack_bound: usize) -> String {
    let name = &program.name;
    let upper = name.to_uppercase();
    let paint = (stack_bound + MARGIN).next_multiple_of(4);
    let mut s = format!(
        "#include \"{name}.h\"\n#include \"bare-board.h\"\n\n\
         __asm__(\".section .rodata\\n.balign 8\\nsamples: .incbin \\\"{SAMPLES}\\\"\\n.text\\n\");\n\
         extern const uint8_t samples[];\n\n\
         static {name}_ctx ctx;\n\
         static uint8_t arena[{upper}_ARENA_BYTES + 1u] __attribute__((aligned(16)));\n\
         static uint32_t ticks[{upper}_STEPS + 1u], stacks[{upper}_STEPS + 1u];\n"
    );
    let ports = [("in", program.inputs.len()), ("out", program.outputs.len())];
    let ports: Vec<String> = ports.iter().flat_map(|(kind, n)| (0..*n).map(move |i| format!("{kind}{i}"))).collect();
    let mut arguments = String::new();
    for port in &ports {
        let bytes = format!("{upper}_{}_BYTES", port.to_uppercase());
        let at = match io {
            Io::Caller => {
                let _ = writeln!(s, "static uint8_t memory_{port}[{bytes} + 1u] __attribute__((aligned(16)));");
                let _ = write!(arguments, ", (void *)memory_{port}");
                format!("memory_{port}")
            }
            Io::Arena => format!("(void *)(uintptr_t){name}_{port}(&ctx)"),
        };
        let body = match port.starts_with("in") {
            true => format!("uint8_t *to = {at}; for (size_t i = 0; i < {bytes}; i++) to[i] = *from++; return from;"),
            false => format!("put_bytes({at}, {bytes}); put('\\n');"),
        };
        let _ = match port.starts_with("in") {
            true => writeln!(s, "static const uint8_t *{name}_get_{port}(const uint8_t *from) {{ {body} }}"),
            false => writeln!(s, "static void {name}_put_{port}(void) {{ {body} }}"),
        };
    }
    let gets: String =
        ports.iter().filter(|p| p.starts_with("in")).map(|p| format!(" from = {name}_get_{p}(from);")).collect();
    let puts: String = ports.iter().filter(|p| p.starts_with("out")).map(|p| format!(" {name}_put_{p}();")).collect();
    let [few, many] = TURNS;
    let _ = write!(
        s,
        "\nstatic const uint8_t *get(const uint8_t *from) {{{gets} return from; }}\n\
         static uint32_t timed(uint32_t turns) {{ uint32_t begin = clock_now(); spin(turns); return clock_now() - begin; }}\n\n\
         int main(void)\n{{\n\
         \x20   const uint8_t *from = samples;\n\
         \x20   const uintptr_t sp = stack_pointer();\n\
         \x20   uint32_t time = 0, stack = 0, begin;\n\
         \x20   clock_start();\n\
         \x20   put_text(\"calibrate\");\n    put_word(timed({few}u));\n    put_word(timed({many}u));\n\
         \x20   put_text(\"\\nsamples\\n\");\n\
         \x20   int status = (int){name}_init(&ctx, arena, {upper}_ARENA_BYTES);\n\
         \x20   for (uint32_t sample = 0; sample < {samples}u && status == 0; sample++) {{\n\
         \x20       from = get(from);\n\
         \x20       if (sample == 0) stack_paint(sp, {paint}u);\n\
         \x20       begin = clock_now();\n\
         \x20       status = (int){name}_run(&ctx{arguments});\n\
         \x20       if (sample == 0) {{ time = clock_now() - begin; stack = stack_used(sp, {paint}u); }}\n\
         \x20      {puts}\n\
         \x20   }}\n\
         \x20   put_text(\"run\");\n    put_word(time);\n    put_word(stack);\n\
         \x20   get(samples);\n\
         \x20   status |= (int){name}_begin(&ctx{arguments});\n\
         \x20   for (uint32_t step = 0; step < {upper}_STEPS; step++) {{\n\
         \x20       stack_paint(sp, {paint}u);\n\
         \x20       begin = clock_now();\n\
         \x20       (void){name}_step(&ctx);\n\
         \x20       ticks[step] = clock_now() - begin;\n\
         \x20       stacks[step] = stack_used(sp, {paint}u);\n\
         \x20   }}\n\
         \x20   for (uint32_t step = 0; step < {upper}_STEPS; step++) {{\n\
         \x20       put_text(\"\\nstep\");\n        put_word(ticks[step]);\n        put_word(stacks[step]);\n    }}\n\
         \x20   return status;\n}}\n"
    );
    s
}

/// What the program told.
#[derive(Debug)]
pub struct Told {
    /// By sample.
    pub outputs: Vec<Vec<Tensor>>,
    /// Instructions of one run.
    pub instructions: u64,
    /// Bytes of stack that it used.
    pub stack: u64,
    /// The same of each step.
    pub steps: Vec<(u64, u64)>,
}

impl Told {
    /// `None` where the text is not what [`source`] prints.
    pub fn parse(program: &Program, samples: usize, text: &str) -> Option<Told> {
        let mut lines = text.lines().filter(|l| !l.is_empty());
        let clock = Clock::of(words(lines.next()?, "calibrate")?)?;
        (lines.next()? == "samples").then_some(())?;
        let mut outputs = Vec::new();
        for _ in 0..samples {
            let mut one = Vec::new();
            for port in &program.outputs {
                let bytes = if port.ty.bytes() == 0 { Vec::new() } else { bytes(lines.next()?)? };
                one.push(Tensor::new(port.ty.shape.clone(), Data::from_le_bytes(port.ty.dtype, &bytes)?)?);
            }
            outputs.push(one);
        }
        let [time, stack] = words(lines.next()?, "run")?;
        let mut told = Vec::new();
        for _ in &program.steps {
            told.push(words(lines.next()?, "step")?);
        }
        let steps: Vec<(u64, u64)> = told.iter().map(|&[t, s]| (clock.instructions(t.into()), s.into())).collect();
        let time = unwrapped(time, told.iter().map(|&[t, _]| u64::from(t)).sum());
        Some(Told { outputs, instructions: clock.instructions(time), stack: stack.into(), steps })
    }
}

/// How ticks become instructions.
struct Clock {
    per_instruction: f64,
    /// Of reading the clock twice.
    idle: f64,
}

impl Clock {
    /// From the ticks of the two loops.
    fn of([few, many]: [u32; 2]) -> Option<Clock> {
        let instructions = TURNS.map(|t| 2.0 * t as f64);
        let per_instruction = f64::from(many.checked_sub(few)?) / (instructions[1] - instructions[0]);
        let idle = f64::from(few) - per_instruction * instructions[0];
        (per_instruction > 0.0 && idle >= 0.0).then_some(Clock { per_instruction, idle })
    }

    fn instructions(&self, ticks: u64) -> u64 {
        ((ticks as f64 - self.idle) / self.per_instruction).round().max(0.0) as u64
    }
}

/// The number nearest to `near` whose last 32 bits are these: the clock has no more, and in a long run it
/// goes around.
fn unwrapped(time: u32, near: u64) -> u64 {
    near.saturating_add_signed(i64::from(time.wrapping_sub(near as u32) as i32))
}

/// The two numbers behind a word.
fn words(line: &str, head: &str) -> Option<[u32; 2]> {
    let mut parts = line.split(' ');
    (parts.next()? == head).then_some(())?;
    let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
    Some([number()?, number()?])
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let digits = (0..line.len()).step_by(2).map(|i| line.get(i..i + 2));
    digits.map(|d| u8::from_str_radix(d?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_calibrated() {
        let clock = Clock::of([3_209, 323_209]);
        let count = |ticks| clock.as_ref().map(|c| c.instructions(ticks));
        assert_eq!((count(9), count(1609), count(1610)), (Some(0), Some(1000), Some(1001)));
        assert!(Clock::of([7, 7]).is_none() && Clock::of([7, 6]).is_none());
    }

    #[test]
    fn long_runs_go_around_the_clock() {
        let turn = 1 << 32;
        for (time, near, want) in [(9, 7, 9), (5, 7, 5), (9, 7 + 2 * turn, 9 + 2 * turn), (u32::MAX, turn, turn - 1)] {
            assert_eq!(unwrapped(time, near), want);
        }
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(words("run 000000ff 0000000a", "run"), Some([255, 10]));
        assert_eq!(words("run 000000ff", "run"), None);
        assert_eq!((bytes("00ff7"), bytes("00ff70")), (None, Some(vec![0, 255, 112])));
    }
}
