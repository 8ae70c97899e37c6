//! All operators, one file each. The list below is the only other place that an operator touches.

mod elementwise;
#[cfg(test)]
mod errors;
pub mod example;
#[cfg(test)]
mod examples;
pub(crate) mod index;
mod pool;
mod require;
mod taps;
pub(crate) mod window;

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
    abs add and average_pool batch_norm ceil clip concat conv div elu equal erf exp floor gather
    gelu gemm greater greater_or_equal hard_sigmoid hard_swish leaky_relu less less_or_equal log
    log_softmax matmul max max_pool min mul neg not or pad pow prelu reciprocal relu reshape resize
    round sigmoid sign slice softmax softplus softsign sqrt sub tanh transpose xor
}
