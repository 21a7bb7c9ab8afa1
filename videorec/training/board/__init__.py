"""What TensorBoard shows of every task beside the pictures: callbacks of the training loop, a kind of data a file."""
