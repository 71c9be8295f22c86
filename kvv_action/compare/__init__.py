"""Two runs compared, sample by sample: what got worse, what got better, what is noise."""
