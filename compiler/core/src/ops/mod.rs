//! All operators, one file each. The list below is the only other place that an operator touches.

mod arg_reduce;
mod centered;
mod elementwise;
#[cfg(test)]
mod errors;
pub mod example;
#[cfg(test)]
mod examples;
pub(crate) mod index;
mod pool;
mod quantization;
#[cfg(test)]
mod quantization_tests;
pub mod reach;
mod reduction;
mod require;
mod taps;
pub mod window;

macro_rules! ops {
    ($($m:ident)*) => {
        $(mod $m;)*

        /// An operator by name.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum OpId { $($m),* }

        impl OpId {
            pub const ALL: &'static [OpId] = &[$(OpId::$m),*];

            pub fn op(self) -> &'static dyn crate::op::Op {
                match self { $(OpId::$m => &$m::OP),* }
            }
        }
    };
}

ops! {
    abs add and arg_max arg_min average_pool batch_norm bit_shift bitwise_and bitwise_not
    bitwise_or bitwise_xor cast ceil celu clip concat conv conv_integer conv_transpose cum_sum
    dequantize div elu equal erf exp expand floor gather gather_elements gelu gemm greater greater_or_equal hard_sigmoid
    hard_swish is_nan layer_norm leaky_relu less less_or_equal log log_softmax matmul matmul_integer
    max max_pool min mish modulo mul neg not or pad pow prelu quantize reciprocal reduce_l1
    reduce_l2 reduce_log_sum reduce_max reduce_mean reduce_min reduce_prod reduce_sum
    reduce_sum_square relu requantize reshape resize round selu shrink sigmoid sign slice
    softmax softplus softsign sqrt sub swish tanh thresholded_relu tile transpose r#where xor
}
