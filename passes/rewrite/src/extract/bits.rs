//! Sets of small numbers.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    pub fn none(n: usize) -> Bits {
        Bits(vec![0; n.div_ceil(64)])
    }

    pub fn insert(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    pub fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 == 1
    }

    pub fn add(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        // Without its lowest bit a word is `w & (w - 1)`.
        let rest = |&w: &u64| Some(w & w.wrapping_sub(1)).filter(|&w| w != 0);
        let word = move |(i, &w): (usize, &u64)| {
            let all = std::iter::successors(Some(w).filter(|&w| w != 0), rest);
            all.map(move |w| i * 64 + w.trailing_zeros() as usize)
        };
        self.0.iter().enumerate().flat_map(word)
    }
}
