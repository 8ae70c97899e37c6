//! All operators, one file each. The list below is the only other place that an operator touches.

mod elementwise;
pub(crate) mod index;
mod pool;
mod require;
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
    add average_pool conv exp gemm matmul max_pool mul neg reciprocal relu reshape sigmoid softmax
    sub transpose
}
