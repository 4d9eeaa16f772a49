//! What C code in the partition calls, declared to it in `port/include/partita.h`.

use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};
#[cfg(target_arch = "aarch64")]
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::monitor::Kind;
use partita_guest_rt::{console, device_tree, hart, monitor, println, trap};

partita_guest_rt::entry!(start);

/// The code of a failed FreeRTOS assertion in the health event.
const ASSERTION_CODE: u64 = 3;

/// The address of the partition's device tree.
static DEVICE_TREE: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    /// The application's, as in every FreeRTOS program.
    fn main() -> i32;
    /// Tells the port how many ticks `time` has in a second.
    fn partita_set_time_hz(hz: u64);
    /// Tells the port where the interrupt controller's interface is, if it is a device.
    #[cfg(target_arch = "aarch64")]
    fn partita_set_interrupt_interface(interface: usize);
}

fn start(_hart: usize, device_tree: usize) -> ! {
    DEVICE_TREE.store(device_tree, Ordering::Relaxed);
    // SAFETY: the address is the one that the monitor gave this partition.
    let tree = unsafe { device_tree::at(device_tree) };
    let Some(hz) = tree.and_then(device_tree::time_hz).filter(|hz| *hz != 0) else {
        println!("freertos: the device tree does not tell the rate of the time");
        monitor::panic(ASSERTION_CODE)
    };
    // SAFETY: the port's and the application's C code, entered once, on a stack, with interrupts off.
    unsafe {
        partita_set_time_hz(u64::from(hz));
        #[cfg(target_arch = "aarch64")]
        partita_set_interrupt_interface(interrupts::interface());
        main();
    }
    println!("freertos: main returned, which means that the scheduler did not start");
    monitor::panic(ASSERTION_CODE)
}

/// Writes `length` bytes to the console.
///
/// # Safety
///
/// `text` points to as many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn partita_console_write(text: *const u8, length: usize) {
    // SAFETY: by this function's contract.
    console::write(unsafe { slice::from_raw_parts(text, length) });
}

/// Whether the partition's command line has the word `name`, of `length` bytes.
///
/// # Safety
///
/// `name` points to as many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn partita_has_argument_of_length(name: *const u8, length: usize) -> bool {
    // SAFETY: by this function's contract.
    let name = unsafe { slice::from_raw_parts(name, length) };
    // SAFETY: the address is the one that the monitor gave this partition.
    let tree = unsafe { device_tree::at(DEVICE_TREE.load(Ordering::Relaxed)) };
    match (
        tree.and_then(device_tree::boot_arguments),
        str::from_utf8(name),
    ) {
        (Some(arguments), Ok(name)) => device_tree::has_argument(arguments, name),
        _ => false,
    }
}

/// Sets the timer to an absolute time.
#[unsafe(no_mangle)]
extern "C" fn partita_set_timer(deadline: u64) {
    hart::set_timer(deadline);
}

/// Adds to the partition's deadline record; nobody keeps one where Partita is not below.
#[unsafe(no_mangle)]
extern "C" fn partita_report_deadlines(met: u64, missed: u64, worst_latency_ns: u64) {
    let _ = monitor::report_deadlines(met, missed, worst_latency_ns);
}

/// Takes the next pending device interrupt: its line, or 0.
#[unsafe(no_mangle)]
extern "C" fn partita_interrupt_claim() -> usize {
    monitor::interrupt_claim().ok().flatten().unwrap_or(0)
}

/// Ends the handling of a claimed line.
#[unsafe(no_mangle)]
extern "C" fn partita_interrupt_complete(line: usize) {
    // It was claimed, so the only error is that Partita is not below, and then it cannot be.
    let _ = monitor::interrupt_complete(line);
}

/// Starts the partition's watchdog; 0 takes the time of the manifest. Returns whether it has one.
#[unsafe(no_mangle)]
extern "C" fn partita_watchdog_start(timeout_ns: u64) -> bool {
    monitor::watchdog_start((timeout_ns != 0).then_some(timeout_ns)).is_ok()
}

/// Resets the partition's watchdog.
#[unsafe(no_mangle)]
extern "C" fn partita_watchdog_reset() {
    // Where Partita is not below there is no watchdog.
    let _ = monitor::watchdog_reset();
}

/// Takes a health event of another partition: its index and the event's number in bits 15 to 8 and 7 to 0,
/// or a negative number.
#[unsafe(no_mangle)]
extern "C" fn partita_notification_take() -> i32 {
    match monitor::notification_take() {
        Ok(Some(notification)) => {
            let kind = notification.kind.map_or(0, |kind| kind as i32);
            (notification.partition as i32) << 8 | kind
        }
        _ => -1,
    }
}

/// The name of a kind of health event in the manifest, and its length.
///
/// # Safety
///
/// `length` may be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn partita_health_kind_name(kind: u32, length: *mut usize) -> *const u8 {
    let kind = u8::try_from(kind).ok().and_then(Kind::from_number);
    let name = kind.map_or("unknown", Kind::name);
    // SAFETY: by this function's contract.
    unsafe { length.write(name.len()) };
    name.as_ptr()
}

/// Stops the partition, saying why.
///
/// # Safety
///
/// `reason` points to `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn partita_stop(reason: *const u8, length: usize, line: u32) -> ! {
    hart::disable_interrupts();
    // SAFETY: by this function's contract.
    let reason = unsafe { slice::from_raw_parts(reason, length) };
    match str::from_utf8(reason) {
        Ok(reason) if line != 0 => println!("freertos: assertion failed at {reason}:{line}"),
        Ok(reason) => println!("freertos: {reason}"),
        Err(_) => println!("freertos: stopped"),
    }
    monitor::panic(ASSERTION_CODE)
}

/// The interrupt by which the monitor tells that the timer has fired.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn partita_timer_interrupt() -> u32 {
    interrupts::number(Reason::Timer).unwrap_or(u32::MAX)
}

/// The interrupt by which the monitor tells that a line is pending.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn partita_external_interrupt() -> u32 {
    interrupts::number(Reason::External).unwrap_or(u32::MAX)
}

/// Lets this core's interrupt controller hand on interrupts.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn partita_open_interrupts() {
    interrupts::open();
}

/// Finds the interrupt that the monitor has taken for this core.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn partita_interrupt_acknowledge() -> u32 {
    interrupts::acknowledge()
}

/// Ends it.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn partita_interrupt_end(interrupt: u32) {
    interrupts::complete(interrupt);
}

/// Stops the partition at a trap that nobody handles.
#[unsafe(no_mangle)]
extern "C" fn partita_unexpected_trap(cause: usize, program_counter: usize, value: usize) -> ! {
    trap::stop(cause, program_counter, value)
}
