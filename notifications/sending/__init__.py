"""One ``notify.send``, in the order in which it happens."""
