//! FreeRTOS for a partition: the S-mode port and its glue
