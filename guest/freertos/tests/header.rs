//! What C code is told, held to what the monitor says.

use partita_abi::health::Kind;

#[test]
fn the_header_has_each_kind_of_health_event_with_its_number() {
    let header = include_str!("../port/include/partita.h");
    let kinds: Vec<String> = header
        .lines()
        .skip_while(|line| *line != "enum partita_health_kind {")
        .skip(1)
        .take_while(|line| *line != "};")
        .map(|line| line.trim().to_owned())
        .collect();
    let expected = Kind::ALL.map(|kind| {
        let name = kind.name().to_uppercase().replace('-', "_");
        format!("PARTITA_{name} = {},", kind as u8)
    });
    assert_eq!(kinds, expected);
}
