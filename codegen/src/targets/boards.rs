//! Boards and chips as data: a core with its clock and memories.
//!
//! Clocks and memories are those of the makers' data sheets. Power is what is published, or nothing.

use super::{Target, cortex_m0plus, cortex_m3, cortex_m4, cortex_m7, cortex_m33, rv32imc};

#[derive(Debug)]
pub struct Board {
    pub name: &'static str,
    pub doc: &'static str,
    pub core: &'static Target,
    /// The fastest that it may run.
    pub clock_hz: u64,
    /// Largest memory in one piece that data may lie in.
    pub ram: usize,
    /// On the chip; `None` where flash is a chip of its own, of any size.
    pub flash: Option<usize>,
    /// In milliwatts while it computes, least and most; `None` where no measurement is known.
    pub power_mw: Option<(f64, f64)>,
    /// How what lies in flash is read; `None` where it is not known, or depends on a chip of its own.
    pub fetch: Option<Fetch>,
}

/// Flash behind small caches, at the board's clock.
#[derive(Debug)]
pub struct Fetch {
    /// Cycles beyond the first one until a line is there.
    pub waits: u32,
    /// Bytes that are read at once.
    pub line: usize,
    /// Bytes of instructions and of data that are kept; the same ones where a cache keeps both.
    pub code_cache: usize,
    pub data_cache: usize,
    pub source: &'static str,
}

impl Fetch {
    /// Cycles that a layer waits for constants: those that the cache holds once, others as often as they
    /// are loaded. Waits for instructions are not in it: loops fit, and what comes once is little.
    pub fn waiting(&self, constants: usize, loaded: f64) -> f64 {
        let bytes = if constants > self.data_cache { loaded } else { loaded.min(constants as f64) };
        bytes / self.line as f64 * f64::from(self.waits)
    }
}

const MHZ: u64 = 1_000_000;
const KIB: usize = 1 << 10;

/// What most boards begin with.
const NONE: Board = Board {
    name: "",
    doc: "",
    core: &cortex_m4::TARGET,
    clock_hz: 0,
    ram: 0,
    flash: None,
    power_mw: None,
    fetch: None,
};

impl Board {
    /// Power of the three that have it: energy logs of MLPerf Tiny's closed division, energy by time.
    pub const ALL: &'static [Board] = &[
        Board {
            name: "rp2040",
            doc: "Raspberry Pi RP2040, one of its two cores",
            core: &cortex_m0plus::TARGET,
            clock_hz: 133 * MHZ,
            ram: 264 * KIB,
            ..NONE
        },
        Board {
            name: "samd21g18",
            doc: "Microchip SAM D21 (Arduino Zero)",
            core: &cortex_m0plus::TARGET,
            clock_hz: 48 * MHZ,
            ram: 32 * KIB,
            flash: Some(256 * KIB),
            ..NONE
        },
        Board {
            name: "stm32f103c8",
            doc: "ST STM32F103C8 (Blue Pill)",
            core: &cortex_m3::TARGET,
            clock_hz: 72 * MHZ,
            ram: 20 * KIB,
            flash: Some(64 * KIB),
            fetch: Some(Fetch {
                waits: 2,
                line: 8,
                code_cache: 0,
                data_cache: 0,
                source: "RM0008, flash access control register: two wait states from 48 MHz on; PM0075: lines of 64 bits",
            }),
            ..NONE
        },
        Board {
            name: "nrf52840",
            doc: "Nordic nRF52840 (Arduino Nano 33 BLE)",
            clock_hz: 64 * MHZ,
            ram: 256 * KIB,
            flash: Some(1024 * KIB),
            ..NONE
        },
        Board {
            name: "stm32f411",
            doc: "ST STM32F411xE (Black Pill, Nucleo-F411RE)",
            clock_hz: 100 * MHZ,
            ram: 128 * KIB,
            flash: Some(512 * KIB),
            fetch: Some(Fetch {
                waits: 3,
                line: 16,
                code_cache: 1024,
                data_cache: 128,
                source: "RM0383, chapter 3: wait states by clock at 2.7 to 3.6 V; 64 and 8 lines of 128 bits",
            }),
            ..NONE
        },
        Board {
            name: "stm32f446",
            doc: "ST STM32F446xE (Nucleo-F446RE)",
            clock_hz: 180 * MHZ,
            ram: 128 * KIB,
            flash: Some(512 * KIB),
            fetch: Some(Fetch {
                waits: 5,
                line: 16,
                code_cache: 1024,
                data_cache: 128,
                source: "RM0390, chapter 3: wait states by clock at 2.7 to 3.6 V; 64 and 8 lines of 128 bits",
            }),
            ..NONE
        },
        Board {
            name: "stm32l4r5",
            doc: "ST STM32L4R5xI (Nucleo-L4R5ZI, reference board of MLPerf Tiny)",
            clock_hz: 120 * MHZ,
            ram: 640 * KIB,
            flash: Some(2048 * KIB),
            power_mw: Some((33.0, 34.0)),
            fetch: Some(Fetch {
                waits: 5,
                line: 8,
                code_cache: 1024,
                data_cache: 256,
                source: "RM0432, chapter 3: wait states by clock in range 1 boost; lines of 64 bits with two banks, caches of 1 KB and 256 B",
            }),
            ..NONE
        },
        Board {
            name: "stm32f746",
            doc: "ST STM32F746xG (Discovery kit)",
            core: &cortex_m7::TARGET,
            clock_hz: 216 * MHZ,
            ram: 320 * KIB,
            flash: Some(1024 * KIB),
            fetch: Some(Fetch {
                waits: 7,
                line: 32,
                code_cache: 4096,
                data_cache: 4096,
                source: "RM0385, chapter 3: wait states by clock at 2.7 to 3.6 V; lines of 256 bits, caches of the core",
            }),
            ..NONE
        },
        Board {
            name: "stm32h7a3",
            doc: "ST STM32H7A3xI (Nucleo-H7A3ZI-Q)",
            core: &cortex_m7::TARGET,
            clock_hz: 280 * MHZ,
            ram: 1024 * KIB,
            flash: Some(2048 * KIB),
            power_mw: Some((122.0, 136.0)),
            fetch: Some(Fetch {
                waits: 6,
                line: 16,
                code_cache: 16384,
                data_cache: 16384,
                source: "RM0455, chapter 4: wait states by clock in VOS0; lines of 128 bits, caches of the core",
            }),
        },
        Board {
            name: "nrf5340",
            doc: "Nordic nRF5340, application core",
            core: &cortex_m33::TARGET,
            clock_hz: 128 * MHZ,
            ram: 512 * KIB,
            flash: Some(1024 * KIB),
            ..NONE
        },
        Board {
            name: "rp2350",
            doc: "Raspberry Pi RP2350, one of its two Arm cores",
            core: &cortex_m33::TARGET,
            clock_hz: 150 * MHZ,
            ram: 520 * KIB,
            ..NONE
        },
        Board {
            name: "stm32u575",
            doc: "ST STM32U575xI (Nucleo-U575ZI-Q)",
            core: &cortex_m33::TARGET,
            clock_hz: 160 * MHZ,
            ram: 768 * KIB,
            flash: Some(2048 * KIB),
            power_mw: Some((23.0, 24.0)),
            fetch: Some(Fetch {
                waits: 4,
                line: 16,
                code_cache: 8192,
                data_cache: 8192,
                source: "RM0456, chapter 7: wait states by clock in range 1; lines of 128 bits, one cache (ICACHE)",
            }),
        },
        Board {
            name: "esp32c3",
            doc: "Espressif ESP32-C3",
            core: &rv32imc::TARGET,
            clock_hz: 160 * MHZ,
            ram: 384 * KIB,
            ..NONE
        },
    ];

    pub fn find(name: &str) -> Option<&'static Board> {
        Board::ALL.iter().find(|b| b.name == name)
    }

    /// Time of so many cycles, in milliseconds.
    pub fn milliseconds(&self, cycles: f64) -> f64 {
        cycles * 1e3 / self.clock_hz as f64
    }

    /// Energy of so many cycles in microjoules, least and most.
    pub fn microjoules(&self, cycles: f64) -> Option<(f64, f64)> {
        let ms = self.milliseconds(cycles);
        self.power_mw.map(|(lo, hi)| (lo * ms, hi * ms))
    }
}

#[cfg(test)]
mod tests {
    use super::super::LOOP_BYTES;
    use super::*;

    #[test]
    fn names_are_unique_and_of_no_core() {
        for b in Board::ALL {
            assert_eq!(Board::find(b.name).map(|b| b.doc), Some(b.doc));
            assert!(Target::find(b.name).is_none() && Target::find(b.core.name).is_some(), "{}", b.name);
            assert!(b.clock_hz > 0 && b.ram > 0, "{}", b.name);
        }
    }

    /// What is unrolled is small enough for the flash caches of boards with micro-kernels.
    #[test]
    fn loops_fit_into_caches() {
        for b in Board::ALL.iter().filter(|b| b.core.micro) {
            assert!(b.fetch.as_ref().is_none_or(|f| f.code_cache >= LOOP_BYTES), "{}", b.name);
        }
    }

    #[test]
    fn constants_wait_as_often_as_they_are_loaded() {
        let waits = |constants, loaded| {
            Board::find("stm32l4r5").and_then(|b| Some(b.fetch.as_ref()?.waiting(constants, loaded)))
        };
        assert_eq!((waits(256, 2560.0), waits(264, 2640.0)), (Some(160.0), Some(1650.0)));
    }

    #[test]
    fn time_and_energy_follow_from_cycles() {
        let b = Board::find("stm32l4r5").map(|b| (b.milliseconds(12e6), b.microjoules(12e6)));
        assert_eq!(b, Some((100.0, Some((3300.0, 3400.0)))));
        assert_eq!(Board::find("rp2040").and_then(|b| b.microjoules(1.0)), None);
    }
}
