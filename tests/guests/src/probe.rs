//! Knocks at doors that should be closed, and says which were.

use crate::arguments::Arguments;
use crate::idle::{rest, wait_until};
use core::arch::naked_asm;
use partita_guest_rt::probe::{self, Trap};
use partita_guest_rt::{hart, println};

/// What is stored where a store is tried. It must not end up anywhere.
const POISON: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Time between two accesses, in ticks of 100 ns: the console must not lose the lines.
const PACE_TICKS: u64 = 1500;

/// How often each access was denied and allowed.
#[derive(Default)]
struct Tally {
    denied: usize,
    allowed: usize,
}

impl Tally {
    fn add(&mut self, what: &str, at: usize, result: Result<usize, Trap>) {
        match result {
            Ok(value) => {
                self.allowed += 1;
                println!("probe: {what} {at:#x} allowed {value:#x}");
            }
            Err(Trap { cause, value }) => {
                self.denied += 1;
                println!("probe: {what} {at:#x} denied cause {cause} value {value:#x}");
            }
        }
        wait_until(hart::time() + PACE_TICKS);
    }
}

/// Tries each access that the arguments name, in their order.
pub fn run(arguments: &Arguments<'_>) -> ! {
    hart::enable_sources(hart::source::TIMER);
    let mut tally = Tally::default();
    for (word, value) in arguments.words() {
        let at = value.unwrap_or(0);
        match word {
            "csr" => registers(&mut tally),
            "instructions" => instructions(&mut tally),
            "storm" => storm(at, arguments.number("times", 100)),
            "times" => {}
            _ => tally.add(word, at, access(word, at)),
        }
    }
    println!("probe: {} denied, {} allowed", tally.denied, tally.allowed);
    rest()
}

fn access(word: &str, at: usize) -> Result<usize, Trap> {
    // SAFETY: the manifest names addresses that are not this partition's; where it names its own, they
    // are free ones at the end of its RAM. For `execute` there is never code of this program.
    unsafe {
        match word {
            "load1" => probe::load_u8(at).map(usize::from),
            "load2" => probe::load_u16(at).map(usize::from),
            "load4" => probe::load_u32(at).map(|value| value as usize),
            "load8" => probe::load_u64(at).map(|value| value as usize),
            "store1" => probe::store_u8(at, POISON as u8).map(|()| 0),
            "store2" => probe::store_u16(at, POISON as u16).map(|()| 0),
            "store4" => probe::store_u32(at, POISON as u32).map(|()| 0),
            "store8" => probe::store_u64(at, POISON).map(|()| 0),
            "amo" => probe::add_u64(at, 1).map(|()| 0),
            "reserve" => probe::execute(load_reserved as *const () as usize, at),
            "zero" => probe::execute(zero_block as *const () as usize, at),
            "float" => probe::execute(load_float as *const () as usize, at),
            "execute" => probe::execute(at, 0),
            _ => panic!("there is no access `{word}`"),
        }
    }
}

/// Denied accesses, one after another, without a word about each.
fn storm(at: usize, times: usize) {
    let denied = (0..times).filter(|_| probe::load_u64(at).is_err()).count();
    println!("probe: storm of {times}, {denied} denied");
}

#[unsafe(naked)]
extern "C" fn load_reserved(_address: usize) -> usize {
    naked_asm!(
        ".option push",
        ".option arch, +a",
        "lr.d a0, (a0)",
        ".option pop",
        "ret"
    )
}

/// `cbo.zero` (RISC-V CMO extensions 1.0, chapter 3): it stores without being a store instruction.
#[unsafe(naked)]
extern "C" fn zero_block(_address: usize) -> usize {
    naked_asm!(".4byte 0x0045200f", "li a0, 0", "ret")
}

#[unsafe(naked)]
extern "C" fn load_float(_address: usize) -> usize {
    naked_asm!(
        ".option push",
        ".option arch, +d",
        "fld ft0, 0(a0)",
        ".option pop",
        "li a0, 0",
        "ret"
    )
}

macro_rules! each_register {
    ($tally:ident: $($number:literal)*) => { $(
        $tally.add("csr-read", $number, probe::read_csr::<$number>());
        // SAFETY: if this could be written, the test has failed, whatever becomes of the program.
        let written = unsafe { probe::write_csr::<$number>(0) };
        $tally.add("csr-write", $number, written.map(|()| 0));
    )* };
}

/// Reads and writes registers of machine mode and of the debugger, none of which S-mode may touch
/// (privileged specification 1.12, chapter 2.2).
fn registers(tally: &mut Tally) {
    each_register!(tally:
        0x300 0x301 0x302 0x303 0x304 0x305 0x306 0x30a 0x320 0x340 0x341 0x342 0x343 0x344 0x3a0
        0x3a2 0x3b0 0x3bf 0x747 0x7a0 0x7b0 0xb00 0xb02 0xf11 0xf14
        0x200 0x600 0x680);
}

/// Instructions of machine mode.
fn instructions(tally: &mut Tally) {
    #[unsafe(naked)]
    extern "C" fn machine_return(_: usize) -> usize {
        naked_asm!("mret", "ret")
    }
    #[unsafe(naked)]
    extern "C" fn nonsense(_: usize) -> usize {
        naked_asm!(".4byte 0xffffffff", "ret")
    }
    for (name, code) in [
        ("mret", machine_return as *const () as usize),
        ("nonsense", nonsense as *const () as usize),
    ] {
        // SAFETY: both are illegal in S-mode; if one is not, the test has failed.
        tally.add(name, 0, unsafe { probe::execute(code, 0) });
    }
}
