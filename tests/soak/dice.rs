//! Chance that can be repeated.

/// A generator (splitmix64: Steele, Lea and Flood 2014) for one purpose.
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Dice for one of many, independent of what the others throw.
    pub fn of(&self, what: &str, n: usize) -> Self {
        let mut dice = Self::new(self.seed ^ (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for byte in what.bytes() {
            dice.state = dice.next() ^ u64::from(byte);
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `range`.
    pub fn roll(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// Once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.roll(0..n) == 0
    }
}
