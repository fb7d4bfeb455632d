/* The descriptor set of every image message, as protoc wrote it. */
    .section .rodata
    .globl cr_images_desc
    .globl cr_images_desc_end
    .balign 16
cr_images_desc:
    .incbin IMAGES_DESC
cr_images_desc_end:
    .byte 0
    .section .note.GNU-stack,"",@progbits
