//! A device tree under construction: it can be read by a person, and by a partition.

use std::fmt::Write;
use vm_fdt::FdtWriter;

/// A node with its properties and children, in order.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    name: String,
    properties: Vec<(String, Value)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Value {
    Flag,
    Texts(Vec<String>),
    /// 32-bit numbers.
    Cells(Vec<u32>),
    /// 64-bit numbers, each two cells.
    Addresses(Vec<u64>),
}

impl Node {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            properties: Vec::new(),
            children: Vec::new(),
        }
    }

    pub(crate) fn child(&mut self, child: Node) {
        self.children.push(child);
    }

    pub(crate) fn flag(&mut self, name: &str) {
        self.properties.push((name.to_owned(), Value::Flag));
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.texts(name, &[text]);
    }

    pub(crate) fn texts(&mut self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.properties.push((name.to_owned(), Value::Texts(texts)));
    }

    pub(crate) fn cells(&mut self, name: &str, cells: &[u32]) {
        let cells = cells.to_vec();
        self.properties.push((name.to_owned(), Value::Cells(cells)));
    }

    pub(crate) fn addresses(&mut self, name: &str, addresses: &[u64]) {
        let value = Value::Addresses(addresses.to_vec());
        self.properties.push((name.to_owned(), value));
    }

    /// The flattened tree (version 17) of which this is the root.
    ///
    /// # Errors
    /// A name or a text that the format cannot hold.
    pub(crate) fn to_blob(&self) -> Result<Vec<u8>, vm_fdt::Error> {
        let mut writer = FdtWriter::new()?;
        self.write(&mut writer)?;
        writer.finish()
    }

    fn write(&self, writer: &mut FdtWriter) -> Result<(), vm_fdt::Error> {
        let node = writer.begin_node(&self.name)?;
        for (name, value) in &self.properties {
            match value {
                Value::Flag => writer.property_null(name)?,
                Value::Texts(texts) => writer.property_string_list(name, texts.clone())?,
                Value::Cells(cells) if name == "phandle" && cells.len() == 1 => {
                    writer.property_phandle(cells[0])?;
                }
                Value::Cells(cells) => writer.property_array_u32(name, cells)?,
                Value::Addresses(addresses) => writer.property_array_u64(name, addresses)?,
            }
        }
        for child in &self.children {
            child.write(writer)?;
        }
        writer.end_node(node)
    }

    /// The tree as source text.
    pub(crate) fn to_source(&self) -> String {
        let mut text = "/dts-v1/;\n\n".to_owned();
        self.print(&mut text, 0);
        text
    }

    fn print(&self, text: &mut String, depth: usize) {
        let indent = "\t".repeat(depth);
        let name = if depth == 0 { "/" } else { &self.name };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{indent}{name} {{");
        for (name, value) in &self.properties {
            let shown = match value {
                Value::Flag => String::new(),
                Value::Texts(texts) => {
                    let quoted: Vec<String> = texts
                        .iter()
                        .map(|text| {
                            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
                        })
                        .collect();
                    format!(" = {}", quoted.join(", "))
                }
                Value::Cells(cells) => {
                    let cells: Vec<String> = cells.iter().map(|cell| show_cell(*cell)).collect();
                    format!(" = <{}>", cells.join(" "))
                }
                Value::Addresses(addresses) => {
                    let cells: Vec<String> = addresses
                        .iter()
                        .map(|address| format!("{:#x} {:#x}", address >> 32, address & 0xffff_ffff))
                        .collect();
                    format!(" = <{}>", cells.join(" "))
                }
            };
            let _ = writeln!(text, "{indent}\t{name}{shown};");
        }
        for child in &self.children {
            text.push('\n');
            child.print(text, depth + 1);
        }
        let _ = writeln!(text, "{indent}}};");
    }
}

fn show_cell(cell: u32) -> String {
    if cell < 0x1000_0000 {
        cell.to_string()
    } else {
        format!("{cell:#x}")
    }
}
