"""Independent engines that answer EXECUTE, each in processes of its own, and the k-of-n rule between them
(docs/protocol.md, section 8, "Clients")."""
