"""The implementation of ``notify.send``, in the order of its steps."""
