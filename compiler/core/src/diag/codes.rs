//! The table of diagnostic codes, with the explanations that `tinyc explain` prints.
//!
//! E01 reading ONNX, E02 types and shapes, E03 graph invariants, E04 planning and code generation,
//! E05 command line and files, E06 verification, E07 budgets, W warnings.

use std::fmt;

/// A diagnostic code. Made only from the table below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// `E0203`
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// A paragraph or more: what it means and what to do.
    pub explanation: &'static str,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! codes {
    ($($name:ident $id:literal $title:literal $explanation:literal;)*) => {
        #[allow(non_upper_case_globals)]
        impl Code {
            $(pub const $name: Code = Code { id: $id, title: $title, explanation: $explanation };)*

            pub fn find(id: &str) -> Option<Code> {
                CODES.iter().copied().find(|c| c.id.eq_ignore_ascii_case(id))
            }
        }

        /// All codes, in the order of their numbers.
        pub const CODES: &[Code] = &[$(Code::$name),*];
    };
}

codes! {
    NotOnnx "E0101" "not an ONNX model"
        "The file does not decode as an ONNX ModelProto (a protocol buffer), or it ends early. \
         Check that it was copied whole and that it is a .onnx file, not a .tflite, .pt or .h5 one.";
    NoOpset "E0102" "the model imports no usable opset"
        "An ONNX model says for each operator domain which opset version it uses. tinyc reads \
         opset 6 and newer of the default domain. Convert older models with \
         onnx.version_converter.convert_version.";
    UnknownOp "E0103" "operator not supported"
        "tinyc has no implementation of this operator, or not of the version that the model's opset \
         selects. `tinyc ops` lists what is supported; `tinyc check` shows every unsupported node of \
         a model at once.";
    MissingData "E0104" "external data cannot be read"
        "The model keeps a tensor in a file beside it and that file is missing, too short, or outside \
         the model's folder. Copy the data file next to the model.";
    BadTensor "E0105" "malformed or unsupported tensor"
        "A tensor of the model has an element type, a shape and contents that contradict each other, or an \
         element type that tinyc does not support (strings, complex numbers, floats of 8 bits and fewer, \
         integers of 4 and 2 bits), or it is no tensor at all but a sequence, map or optional.";
    BadAttribute "E0106" "attribute missing, malformed or not supported"
        "A node lacks a required attribute, or has one whose type, value or name its operator does not \
         allow or tinyc does not support.";
    UndefinedValue "E0107" "a node reads a value that nothing defines"
        "Every input of a node must be a graph input, an initializer or the output of another node.";
    DuplicateName "E0108" "a name is defined twice"
        "ONNX graphs are in single-assignment form: each value has one definition.";
    Cycle "E0109" "the graph has a cycle"
        "A node depends on its own output, directly or through other nodes. tinyc compiles acyclic graphs.";
    DynamicDim "E0110" "a dimension is not known"
        "Memory is planned at compile time, so every dimension must be known. Give symbolic dimensions a \
         value with --dim NAME=VALUE.";
    BadDim "E0111" "a dimension is out of range"
        "Dimensions must not be negative, and no tensor may be larger than 2 GiB.";
    NotConstant "E0112" "an operand must be constant"
        "The operand decides a shape or an attribute, so its value must be known at compile time: an \
         initializer, or computed from constants and shapes only.";
    Arity "E0113" "wrong number of inputs or outputs"
        "The node has fewer or more inputs or outputs than its operator defines.";
    BadFunction "E0114" "a local function cannot be expanded"
        "Model-local functions are inlined. They must not be recursive, and each call must give the \
         inputs that the function reads.";
    NoOutputs "E0115" "the graph has no outputs"
        "A network without outputs computes nothing.";

    TypeMismatch "E0201" "element types do not fit"
        "The operator does not take operands of these element types, or not together.";
    Rank "E0202" "wrong number of dimensions"
        "The operator needs an operand of another rank.";
    ShapeMismatch "E0203" "shapes do not fit"
        "The extents of the operands contradict each other.";
    BadAxis "E0204" "axis out of range"
        "An axis must be in -rank..rank of its operand.";
    BadWindow "E0205" "kernel, stride, pad or dilation out of range"
        "Strides, kernel extents and dilations must be positive, pads must not be negative where the \
         operator does not define it, and the window must fit into the padded input.";
    DeclaredType "E0206" "declared and inferred type differ"
        "The model declares another type for a value than the operators give.";
    BadIndex "E0207" "index out of range"
        "Constant indices must be in -extent..extent of the axis that they are positions of. (Indices that \
         the network computes cannot be checked; the compiled code moves them to the nearest position.)";

    BadScale "E0208" "a scale of integers makes no sense"
        "Integers of a quantized network stand for `scale * (q - zero)`. A scale must be a positive number, and \
         what quantizes a value and what dequantizes it again must use the same scale and zero point.";

    Invariant "E0301" "a graph invariant does not hold"
        "The graph breaks an invariant of tinyc's IR. After import this is a defect of tinyc; in a text \
         file it is a defect of the file. The message names the invariant; docs/architecture.md lists them.";
    Syntax "E0302" "syntax error in the text form"
        "The text is not in the form that `--emit graph` prints.";

    NoKernel "E0401" "the target has no kernel for this node"
        "The node is understood, but code generation for the target cannot lower it (for example an \
         element type that C99 cannot hold).";
    PlanRejected "E0402" "the memory plan is wrong"
        "The independent validator found a read of a byte that its value does not own, or an access \
         outside of its buffer. This is a defect of tinyc: please report it with the model.";
    TooLarge "E0403" "the network is too large"
        "Every memory plan is proven by running through the network's memory accesses once, so their number \
         and the memory in use are limited. The limits are far beyond what a microcontroller holds: a \
         dimension of the model, or a value given with --dim, is probably wrong.";

    NoOnnx "E0404" "the graph cannot be written as ONNX"
        "A file of ONNX holds at most 2 GiB, and an operator has a form there for the attributes that models \
         give it. A graph beyond that can be compiled, but not written with the suffix .onnx.";

    Usage "E0501" "the command line cannot be understood"
        "See `tinyc --help`.";
    Read "E0502" "a file cannot be read"
        "The file does not exist, or may not be read.";
    Write "E0503" "a file cannot be written"
        "The output path cannot be created or written. Nothing was left behind.";
    BadData "E0504" "an .npz file does not fit the model"
        "Arrays are keyed `input/NAME` and `output/NAME` (or the bare input name), with axis 0 counting \
         samples, in the element type of the model's input or output.";
    BadName "E0505" "not a usable C name"
        "Names in the emitted C begin with the model's name, so it must be a C identifier: ASCII \
         letters, digits and underscores, not beginning with a digit, and no keyword.";
    NoTool "E0506" "a tool is missing or failed"
        "The command runs another program, such as a C compiler, which is not installed or failed.";

    BadCalibration "E0507" "samples cannot calibrate the network"
        "Scales of activations follow from what they are for samples of the data that the network is for. There \
         must be samples, all of finite numbers, and the network must compute finite numbers from them.";

    Mismatch "E0601" "compiled code and reference differ"
        "`tinyc verify` found a difference beyond the tolerance.";

    Budget "E0701" "a budget is not met"
        "The network needs more RAM than --max-ram or more flash than --max-flash allows. RAM is arena, the \
         caller's inputs and outputs, state and context; the stack is not counted. Flash is what the C \
         compiler makes of the emitted source: constants and code. The message says what it comes to and \
         what needs most of it. Nothing was written.";

    UnusedInput "W0002" "an input is never read"
        "The input is part of the emitted function's signature, but no result depends on it.";
    UnusedDim "W0003" "a dimension given with --dim does not occur"
        "No input of the model has a dimension of this name; `tinyc check` shows the names that there are. A \
         dimension without a name is INPUT.AXIS, such as --dim input_1.0=1.";
    NotMeasured "W0004" "a budget on flash holds by an estimate only"
        "The size of code is known when a C compiler for the target has compiled it, and none was found, so \
         an allowance for each operation stands for it. Install the compiler that the message names, or name \
         one with --size-cc.";
    AssumedDim "W0005" "an unknown batch dimension was taken as 1"
        "The first dimension of an input of two or more dimensions is not known; in most models it counts \
         samples, so it is taken as 1. Give it another value with --dim NAME=VALUE.";
    RuleRefused "W0006" "a rewriting rule was refused"
        "A rule of the optimizer would have made a constant that is not finite, or a value of another type, \
         so the network keeps its form there. Infinite constants come from parameters such as a variance of \
         0; other reasons are a defect of the rule: please report them with the model.";
    OutsideRange "W0007" "a sample lies outside of the assumed range of an input"
        "The network was compiled with --input-range, and what it computes is only right for inputs whose \
         elements lie in that range: channels that are constant there have been removed.";

    NoRange "W0008" "a value is zero for all samples"
        "The scale of a value's integers follows from the range that it has in samples. Of a value that is \
         always zero nothing is known, so its integers stand for -1..1; larger values are cut off there. Give \
         samples in which the value occurs.";
    LeftFloat "W0009" "a part of the network runs in floats"
        "There is no form in integers of these operators, or --keep-float names them, so values are turned into \
         floats before them and into integers behind them. An input or output without a scale keeps floats too.";

    Internal "E9001" "internal error"
        "A defect of tinyc: please report it with the model and the command line.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_ordered_within_their_letter() {
        for letter in ["E", "W"] {
            let ids: Vec<_> = CODES.iter().map(|c| c.id).filter(|i| i.starts_with(letter)).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        }
    }

    #[test]
    fn find_ignores_case() {
        assert_eq!(Code::find("e0101"), Some(Code::NotOnnx));
        assert_eq!(Code::find("E9999"), None);
    }
}
