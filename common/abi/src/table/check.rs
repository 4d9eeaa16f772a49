//! Whether every index of a table is in range, and every value a known one.

use super::{
    Console, FloatingPoint, Isolation, Kind, PartRole, Partition, RegionKind, Response, Route,
    Span, SystemTable, TableError, WatchdogStart,
};
use crate::health::Action;
use crate::{MAX_CORES, MAX_PARTITIONS, MAX_VIRTUAL_CORES};

impl SystemTable<'_> {
    pub(super) fn check_indexes(&self) -> Result<(), TableError> {
        let bound = |count: usize, max: usize, what| {
            if count > max {
                Err(TableError::TooMany(what))
            } else {
                Ok(())
            }
        };
        bound(self.partitions.len(), MAX_PARTITIONS, "partitions")?;
        bound(self.virtual_cores.len(), MAX_VIRTUAL_CORES, "virtual cores")?;
        bound(usize::from(self.header.cores), MAX_CORES, "cores")?;
        let within = |span: Span, count: usize, what| {
            let end = usize::from(span.first) + usize::from(span.count);
            if end > count {
                Err(TableError::Index(what))
            } else {
                Ok(())
            }
        };
        for partition in self.partitions {
            within(
                partition.virtual_cores,
                self.virtual_cores.len(),
                "partitions",
            )?;
            within(partition.regions, self.regions.len(), "partitions")?;
            within(partition.image_parts, self.image_parts.len(), "partitions")?;
            within(partition.lines, self.lines.len(), "partitions")?;
            within(
                partition.device_resets,
                self.device_resets.len(),
                "partitions",
            )?;
        }
        let known = |partition: u16| usize::from(partition) < self.partitions.len();
        for core in self.virtual_cores {
            within(core.protections, self.protections.len(), "virtual cores")?;
            if !known(core.partition) || core.core >= self.header.cores {
                return Err(TableError::Index("virtual cores"));
            }
        }
        if !self.regions.iter().all(|region| known(region.partition)) {
            return Err(TableError::Index("regions"));
        }
        if !self
            .protections
            .iter()
            .all(|entry| usize::from(entry.region) < self.regions.len())
        {
            return Err(TableError::Index("protections"));
        }
        if !self.image_parts.iter().all(|part| known(part.partition)) {
            return Err(TableError::Index("image parts"));
        }
        if !self.lines.iter().all(|line| known(line.partition)) {
            return Err(TableError::Index("lines"));
        }
        if !self
            .device_resets
            .iter()
            .all(|reset| known(reset.partition))
        {
            return Err(TableError::Index("device resets"));
        }
        if !self.streams.iter().all(|streams| known(streams.partition)) {
            return Err(TableError::Index("streams"));
        }
        let told = |response: &Response| {
            response.notify == Response::NOBODY || known(u16::from(response.notify))
        };
        if !self
            .partitions
            .iter()
            .all(|partition| partition.responses.iter().all(told))
        {
            return Err(TableError::Index("responses"));
        }
        if !known(self.header.console_focus) {
            return Err(TableError::Index("header"));
        }
        Ok(())
    }

    pub(super) fn check_values(&self) -> Result<(), TableError> {
        if !self.header.system.is_valid() || !self.header.board.is_valid() {
            return Err(TableError::Value("header"));
        }
        let partition_is_known = |partition: &Partition| {
            partition.name.is_valid()
                && Kind::from_number(partition.kind).is_some()
                && Isolation::from_number(partition.isolation).is_some()
                && FloatingPoint::from_number(partition.floating_point).is_some()
                && FloatingPoint::from_number(partition.vector).is_some()
                && WatchdogStart::from_number(partition.watchdog_start).is_some()
                && Action::from_number(partition.restart.then).is_some()
                && partition
                    .responses
                    .iter()
                    .all(|response| Action::from_number(response.action).is_some())
                && Console::from_number(partition.console).is_some()
        };
        if !self.partitions.iter().all(partition_is_known) {
            return Err(TableError::Value("partitions"));
        }
        if !self
            .regions
            .iter()
            .all(|region| RegionKind::from_number(region.kind).is_some())
        {
            return Err(TableError::Value("regions"));
        }
        if !self
            .image_parts
            .iter()
            .all(|part| PartRole::from_number(part.role).is_some())
        {
            return Err(TableError::Value("image parts"));
        }
        if !self
            .device_resets
            .iter()
            .all(|reset| matches!(reset.width, 1 | 4))
        {
            return Err(TableError::Value("device resets"));
        }
        if !self
            .lines
            .iter()
            .all(|line| Route::from_number(line.route).is_some())
        {
            return Err(TableError::Value("lines"));
        }
        Ok(())
    }
}
