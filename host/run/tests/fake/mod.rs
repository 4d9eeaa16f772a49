//! A system whose monitor is a script: it prints given bytes to the serial port and ends the machine.
//!
//! What the host does with a run can be tried on a real QEMU with it, without a real monitor.
#![allow(
    dead_code,
    reason = "not every test that includes this file uses all of it"
)]

use partita_abi::health::State;
use partita_abi::signature::Provision;
use partita_abi::status::{BYTES_PER_RECORD, Core, Event, Header, Partition};
use std::fs;
use std::path::{Path, PathBuf};
use zerocopy::IntoBytes as _;

/// In the text of a fake monitor: wait until `q` comes from the serial port.
pub const WAIT_FOR_Q: u8 = 5;
/// In the text of a fake monitor: stop for ever.
pub const HANG: u8 = 6;

/// RV64I: prints the bytes behind it up to a zero byte, then ends the machine.
const PROGRAM: [u32; 26] = [
    0xf140_22f3, //        csrr  t0, mhartid
    0x0602_9063, //        bnez  t0, park
    0x1000_0437, //        lui   s0, 0x10000      the UART
    0x0000_0497, //        auipc s1, 0
    0x05c4_8493, //        addi  s1, s1, text - .
    0x0004_c303, // next:  lbu   t1, 0(s1)
    0x0014_8493, //        addi  s1, s1, 1
    0x0203_0c63, //        beqz  t1, end
    0x0050_0393, //        li    t2, WAIT_FOR_Q
    0x0073_0a63, //        beq   t1, t2, wait
    0x0060_0393, //        li    t2, HANG
    0x0273_0c63, //        beq   t1, t2, park
    0x0064_0023, //        sb    t1, 0(s0)
    0xfe1f_f06f, //        j     next
    0x0054_4303, // wait:  lbu   t1, 5(s0)        line status
    0x0013_7313, //        andi  t1, t1, 1        data ready
    0xfe03_0ce3, //        beqz  t1, wait
    0x0004_4303, //        lbu   t1, 0(s0)
    0x0710_0393, //        li    t2, 'q'
    0xfe73_16e3, //        bne   t1, t2, wait
    0xfc5f_f06f, //        j     next
    0x0010_02b7, // end:   lui   t0, 0x100        the finisher
    0x0000_5337, //        lui   t1, 5
    0x5553_0313, //        addi  t1, t1, 0x555    pass
    0x0062_a023, //        sw    t1, 0(t0)
    0x0000_006f, // park:  j     park
];

/// The ELF file of a monitor that prints `text`.
pub fn monitor(text: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = PROGRAM.iter().flat_map(|word| word.to_le_bytes()).collect();
    content.extend_from_slice(text);
    content.push(0);
    // What `partita build --key` fills in.
    content.extend(Provision::NONE.as_bytes());
    elf(2, 0x8000_0000, &content)
}

/// A minimal ELF file for riscv64 with one segment, which is also its one section.
pub fn elf(kind: u16, address: u64, content: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |file: &mut Vec<u8>, values: &[u16]| {
        values
            .iter()
            .for_each(|value| file.extend(value.to_le_bytes()));
    };
    let word = |file: &mut Vec<u8>, values: &[u32]| {
        values
            .iter()
            .for_each(|value| file.extend(value.to_le_bytes()));
    };
    let long = |file: &mut Vec<u8>, values: &[u64]| {
        values
            .iter()
            .for_each(|value| file.extend(value.to_le_bytes()));
    };
    let size = content.len() as u64;
    half(&mut file, &[kind, 243]);
    word(&mut file, &[1]);
    long(&mut file, &[address, 64, 0]);
    word(&mut file, &[1]); // e_flags: compressed instructions, soft float
    half(&mut file, &[64, 56, 1, 64, 0, 0]);
    word(&mut file, &[1, 7]); // PT_LOAD, rwx
    long(&mut file, &[120, address, address, size, size, 0x1000]);
    file.extend_from_slice(content);
    file
}

/// Writes a manifest with the partitions `rtos` (ASIL-D) and `linux` (QM) to `folder`.
pub fn manifest(folder: &Path) -> PathBuf {
    let guest = elf(3, 0, &0x0000_006f_u32.to_le_bytes());
    fs::write(folder.join("guest.elf"), guest).unwrap();
    let path = folder.join("system.toml");
    let text = "
        [system]
        name = \"duet\"
        [board]
        name = \"qemu-virt-riscv64\"
        memory = \"256 MiB\"
        cores = 1
        [partition.rtos]
        criticality = \"ASIL-D\"
        image = \"guest.elf\"
        memory = \"64 KiB\"
        cores = [0]
        fp = \"none\"
        budget = \"1 ms\"
        period = \"10 ms\"
        [partition.linux]
        criticality = \"QM\"
        image = \"guest.elf\"
        memory = \"64 KiB\"
        cores = [0]
        [run]
        console = \"linux\"
    ";
    fs::write(&path, text).unwrap();
    path
}

/// A status block of two running partitions on one core.
pub fn status(change: impl FnOnce(&mut [Partition; 2], &mut Vec<Event>)) -> Vec<u8> {
    let running = Partition {
        state: State::Running as u8,
        boots: 1,
        ..Partition::default()
    };
    let mut partitions = [running; 2];
    let mut events = Vec::new();
    change(&mut partitions, &mut events);
    let header = Header {
        magic: Header::MAGIC,
        version: Header::VERSION,
        partitions: 2,
        cores: 1,
        events: events.len() as u32,
        text_bytes: 1000,
        data_bytes: 2000,
        virtual_ns: 2_000_000_000,
        ..Header::default()
    };
    let core = Core {
        switches: 10,
        switch_p50: 300,
        switch_max: 900,
        idle_ns: 5,
    };
    [
        header.as_bytes(),
        partitions.as_bytes(),
        core.as_bytes(),
        events.as_bytes(),
    ]
    .concat()
}

/// The records by which a monitor tells a status block.
pub fn status_records(block: &[u8]) -> String {
    let mut text = format!("[    2.000000000 monitor] status begin {}\n", block.len());
    for (index, bytes) in block.chunks(BYTES_PER_RECORD).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let offset = index * BYTES_PER_RECORD;
        text.push_str(&format!(
            "[    2.000000000 monitor] status {offset} {hex}\n"
        ));
    }
    text + "[    2.000000000 monitor] status end\n"
}

/// The records of a healthy status.
pub fn healthy() -> String {
    status_records(&status(|_, _| {}))
}
