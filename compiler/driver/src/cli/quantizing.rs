//! Arguments that say how a network is quantized.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tinyc_compress::WeightRange;
use tinyc_compress::observe::Observer;

const QUANTIZATION: &str = "Quantization";

#[derive(Args, Debug, Clone, Default)]
pub struct QuantizeArgs {
    /// Compute in integers, whose scales follow from the samples of --calib
    #[arg(long, help_heading = QUANTIZATION, value_enum, value_name = "TYPE", requires = "calib")]
    pub quantize: Option<IntegerType>,

    /// Samples to calibrate with, without labels: arrays `input/NAME`, or the bare names; axis 0 counts samples
    #[arg(long, help_heading = QUANTIZATION, value_name = "NPZ", requires = "quantize")]
    pub calib: Option<PathBuf>,

    /// Use at most this many of them
    #[arg(long, help_heading = QUANTIZATION, value_name = "N", requires = "quantize")]
    pub calib_samples: Option<usize>,

    /// How the range of an activation follows from what it was in samples
    #[arg(long, help_heading = QUANTIZATION, value_enum, value_name = "NAME", default_value_t, requires = "quantize")]
    pub calib_observer: CalibObserver,

    /// Which range of a channel's weights integers stand for
    #[arg(long, help_heading = QUANTIZATION, value_enum, value_name = "NAME", default_value_t, requires = "quantize")]
    pub calib_weights: CalibWeights,

    /// Scale channels between layers first, so that their ranges are of one size
    #[arg(long, help_heading = QUANTIZATION, requires = "quantize")]
    pub equalize: bool,

    /// Take the mean error that rounded weights make, over the samples, out of biases
    #[arg(long, help_heading = QUANTIZATION, requires = "quantize")]
    pub correct_bias: bool,

    /// Elements of inputs and outputs that have a scale [default: int8 with --quantize, else as in the model]
    #[arg(long, help_heading = QUANTIZATION, value_enum, value_name = "TYPE")]
    pub io_type: Option<IoType>,

    /// How sums become integers of 8 bits, of networks in QDQ form too
    #[arg(long, help_heading = QUANTIZATION, value_enum, value_name = "NAME", default_value_t, conflicts_with = "exact")]
    pub rounding: Rounding,

    /// An ONNX node that stays in floats; may be given several times
    #[arg(long, help_heading = QUANTIZATION, value_name = "NODE", requires = "quantize")]
    pub keep_float: Vec<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerType {
    /// 8 bits: activations with a scale and a zero point, weights with a scale for each output channel
    Int8,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoType {
    /// Floats, quantized and dequantized inside
    Float,
    /// The integers themselves; the header has their scales
    Int8,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest integer, once
    #[default]
    Once,
    /// As the reference kernels of TensorFlow Lite do, most of which round twice
    Tflite,
}

impl Rounding {
    pub fn of_rules(self) -> tinyc_rewrite::Rounding {
        match self {
            Rounding::Once => tinyc_rewrite::Rounding::Once,
            Rounding::Tflite => tinyc_rewrite::Rounding::Tflite,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalibObserver {
    /// All that was seen
    Minmax,
    /// All but the outermost elements, a part of 1/20000 on each side
    #[default]
    Percentile,
    /// The range with the least squared error
    Mse,
    /// The range that loses the least information
    Entropy,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalibWeights {
    /// All of it
    #[default]
    Minmax,
    /// The one with the least squared error
    Mse,
}

impl CalibWeights {
    pub fn range(self) -> WeightRange {
        match self {
            CalibWeights::Minmax => WeightRange::MinMax,
            CalibWeights::Mse => WeightRange::Mse,
        }
    }
}

impl CalibObserver {
    pub fn observer(self) -> Observer {
        match self {
            CalibObserver::Minmax => Observer::MinMax,
            CalibObserver::Percentile => Observer::Percentile,
            CalibObserver::Mse => Observer::Mse,
            CalibObserver::Entropy => Observer::Entropy,
        }
    }
}
