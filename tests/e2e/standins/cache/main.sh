case $INPUT_KEY in *,*) echo "Key Validation Error: $INPUT_KEY cannot contain commas."; exit 1 ;; esac
if [ -z "$INPUT_KEY" ]; then echo "Input required and not supplied: key"; exit 1; fi
if [ ${#INPUT_KEY} -gt 512 ]; then echo "Key Validation Error: $INPUT_KEY cannot be larger than 512 characters."; exit 1; fi
echo "$INPUT_KEY" >> /standin/keys
