//! What rewriting of apt source lists promises.

use super::*;

const DEB822: &str = "\
Types: deb
# a comment that names another place
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";

const ONE_LINE: &str = "\
# the machine's own
deb http://mirror.example/debian bookworm main contrib # trailing words
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://docker.example/debian bookworm stable
deb [arch=amd64 signed-by=/etc/apt/keyrings/vendor.gpg] https://vendor.example bookworm main
deb https://pg.example/apt bookworm-pgdg main
deb cdrom:[Debian 12]/ bookworm main
";

fn codenames() -> Vec<String> {
    vec!["bookworm".to_owned()]
}

fn own(text: &str, format: Format) -> Vec<Entry> {
    own_entries(&parse(text, format), &codenames())
}

#[test]
fn another_release_keeps_the_mirror_and_the_key_and_only_its_main_suite() {
    let own = own(DEB822, Format::Deb822);
    let text = write(&with_release(&own, &codenames(), "trixie"));
    assert_eq!(
        text,
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
    );
}

#[test]
fn backports_are_added_to_the_own_suites_not_put_in_their_place() {
    let own = own(DEB822, Format::Deb822);
    let suites: Vec<String> = with_backports(&own, &codenames())
        .into_iter()
        .flat_map(|entry| entry.suites)
        .collect();
    assert_eq!(
        suites,
        [
            "bookworm",
            "bookworm-updates",
            "bookworm-security",
            "bookworm-backports"
        ]
    );
}

#[test]
fn backports_that_are_configured_already_are_not_added_again() {
    let text = "deb http://m.example/debian bookworm main\n\
                deb http://m.example/debian bookworm-backports main\n";
    let own = own(text, Format::OneLine);
    assert_eq!(with_backports(&own, &codenames()).len(), 2);
}

#[test]
fn testing_and_unstable_have_no_backports() {
    let own = own("deb http://m.example/debian sid main\n", Format::OneLine);
    assert_eq!(own.len(), 1);
    assert_eq!(with_backports(&own, &codenames()), own);
}

#[test]
fn one_line_entries_of_third_parties_and_sources_are_left_out() {
    let own = own(ONE_LINE, Format::OneLine);
    let uris: Vec<&str> = own
        .iter()
        .flat_map(|entry| &entry.uris)
        .map(String::as_str)
        .collect();
    let mirror = "http://mirror.example/debian";
    assert!(
        uris.iter().filter(|&&uri| uri == mirror).count() == 2,
        "{uris:?}"
    );
    for third_party in ["https://docker.example/debian", "https://vendor.example"] {
        assert!(!uris.contains(&third_party), "{uris:?}");
    }
}

#[test]
fn entries_under_the_distributions_key_win_over_those_without_a_key() {
    let text = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.pgp] http://a.example bookworm main\n\
                deb http://b.example bookworm main\n";
    let own = own(text, Format::OneLine);
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].uris, ["http://a.example"]);
}

#[test]
fn a_private_mirror_with_a_key_of_its_own_is_used_where_nothing_else_is() {
    let text = "deb [signed-by=/etc/apt/company.gpg] http://a.example bookworm main\n";
    let own = own(text, Format::OneLine);
    assert_eq!(own.len(), 1);
    assert!(write(&own).contains("Signed-By: /etc/apt/company.gpg\n"));
}

#[test]
fn the_architecture_of_the_machine_is_not_copied() {
    let text = "deb [arch=amd64 trusted=yes] http://a.example bookworm main\n";
    let written = write(&own(text, Format::OneLine));
    assert!(!written.contains("amd64"), "{written}");
    assert!(written.contains("Trusted: yes\n"), "{written}");
}

#[test]
fn a_key_written_into_the_stanza_is_kept_whole() {
    let text = "Types: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main\nSigned-By:\n \
                -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n";
    let written = write(&own(text, Format::Deb822));
    assert!(
        written.contains("Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n"),
        "{written}"
    );
}

#[test]
fn a_disabled_stanza_and_one_for_source_packages_do_not_count() {
    let text = "Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main\n\n\
                Types: deb-src\nURIs: http://a.example\nSuites: bookworm\nComponents: main\n";
    assert_eq!(parse(text, Format::Deb822), []);
}

#[test]
fn a_suite_named_by_its_role_is_replaced_too() {
    let own = own("deb http://a.example stable main\n", Format::OneLine);
    let written = write(&with_release(&own, &codenames(), "trixie"));
    assert!(written.contains("Suites: trixie\n"), "{written}");
}

#[test]
fn a_security_archive_in_the_old_notation_belongs_to_the_release() {
    let entries = parse(
        "deb http://a.example bookworm/updates main\n",
        Format::OneLine,
    );
    assert_eq!(own_entries(&entries, &codenames()).len(), 1);
    assert_eq!(with_release(&entries, &codenames(), "trixie"), []);
}

#[test]
fn components_on_lines_of_their_own_all_count_but_replace_into_one_entry() {
    let text = "deb http://a.example noble main\ndeb http://a.example noble universe\n";
    let codenames = ["noble".to_owned()];
    let own = own_entries(&parse(text, Format::OneLine), &codenames);
    assert_eq!(own.len(), 2);
    assert_eq!(with_release(&own, &codenames, "trixie").len(), 1);
}

#[test]
fn a_mirror_that_the_person_names_is_checked_with_the_keyring() {
    let entry = Entry::of_mirror("http://a.example/debian", "trixie", "/usr/share/k.gpg");
    assert_eq!(
        write(&[entry]),
        "Types: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n\
         Signed-By: /usr/share/k.gpg\n\n"
    );
}
